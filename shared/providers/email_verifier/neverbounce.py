"""NeverBounce v4.2 single check (contracts/neverbounce.md): for the addresses that one owner's search finds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.email_verifier import Checks, EmailStatus, EmailVerification
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

LONGEST_CHECK_SECONDS: Final = 20
_STATUSES: Final[Mapping[str, EmailStatus]] = {
    "valid": EmailStatus.VALID,
    "invalid": EmailStatus.INVALID,
    "disposable": EmailStatus.DO_NOT_MAIL,
    "catchall": EmailStatus.CATCH_ALL,
    "unknown": EmailStatus.UNKNOWN,
}
_FAILURES: Final[Mapping[str, Verdict]] = {
    "auth_failure": Verdict(Outcome.AUTH, message="the key is refused"),
    "bad_referrer": Verdict(Outcome.AUTH, message="the key is not for this host"),
    "throttle_triggered": Verdict(Outcome.RETRYABLE, message="too fast", status=429),
    "temp_unavail": Verdict(Outcome.RETRYABLE, message="away for a while", status=503),
}


class NeverBounceVerifier:
    """One address a call; every completed check costs."""

    name = "neverbounce"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)
        self._key = settings.key(self.name)
        self._cost = settings.neverbounce_verify_cost_usd

    async def verify(self, email: str) -> EmailVerification:
        """What is known about the address."""
        request = ProviderRequest(
            endpoint="/v4.2/single/check",
            method="POST",  # as a GET the key would stand in logs (PITFALLS 32)
            path="/v4.2/single/check",
            json={"key": self._key, "email": email, "timeout": LONGEST_CHECK_SECONDS},
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        body = reply.answer.json_object()
        flags = frozenset(str(flag) for flag in body.get("flags") or ())
        return EmailVerification(
            status=_STATUSES[body["result"]],
            detail="disposable" if body["result"] == "disposable" else "",
            provider=self.name,
            checked_at=datetime.now(UTC),
            role_account="role_account" in flags,
            checks=_checks(body["result"], flags),
            cost=reply.cost,
        )


def _checks(result: str, flags: frozenset[str]) -> Checks:
    mailbox = {"valid": True, "disposable": True, "invalid": False}.get(result)
    return Checks(
        format="bad_syntax" not in flags,
        mx="has_dns_mx" in flags,
        mailbox=mailbox,
        disposable=result == "disposable",
        catch_all=result == "catchall",
    )


def _judge(answer: Answer) -> Verdict:
    """The status inside HTTP 200 comes first (PITFALLS 23)."""
    if answer.status != 200:
        return judge_by_status(answer)
    body: dict[str, Any] = answer.json_object()
    status = str(body.get("status"))
    if status in _FAILURES:
        return _FAILURES[status]
    if status == "general_failure":
        message = str(body.get("message") or "")[:200]
        spent = "credit" in message.lower() or "balance" in message.lower()
        return Verdict(Outcome.QUOTA if spent else Outcome.INVALID, message=message)
    if status != "success" or body.get("result") not in _STATUSES:
        return Verdict(Outcome.BAD_ANSWER, message="a check without a result we know")
    return Verdict(Outcome.OK, billable=True)
