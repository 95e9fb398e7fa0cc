"""ZeroBounce v2 (contracts/zerobounce.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.email_verifier import Checks, EmailStatus, EmailVerification
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

UNKNOWN_RETRY_SECONDS: Final = 30 * 60.0
_STATUSES: Final[Mapping[str, EmailStatus]] = {
    "valid": EmailStatus.VALID,
    "invalid": EmailStatus.INVALID,
    "catch-all": EmailStatus.CATCH_ALL,
    "unknown": EmailStatus.UNKNOWN,
    "spamtrap": EmailStatus.SPAMTRAP,
    "abuse": EmailStatus.ABUSE,
    "do_not_mail": EmailStatus.DO_NOT_MAIL,
}


class ZeroBounceVerifier:
    """One address a call: every answer but `unknown` costs a credit."""

    name = "zerobounce"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)
        self._key = settings.key(self.name)
        self._cost = settings.zerobounce_verify_cost_usd

    async def verify(self, email: str) -> EmailVerification:
        """What is known about the address."""
        request = ProviderRequest(
            endpoint="/v2/validate",
            path="/v2/validate",
            params=[("api_key", self._key), ("email", email), ("ip_address", "")],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        body = reply.answer.json_object()
        status, detail = _STATUSES[body["status"]], str(body.get("sub_status") or "")
        return EmailVerification(
            status=status,
            detail=detail[:100],
            provider=self.name,
            checked_at=datetime.now(UTC),
            role_account=detail.startswith("role_based"),
            retry_after_seconds=UNKNOWN_RETRY_SECONDS if status is EmailStatus.UNKNOWN else None,
            checks=_checks(status, detail, body),
            cost=reply.cost,
        )


def _checks(status: EmailStatus, detail: str, body: Mapping[str, Any]) -> Checks:
    mailbox = {EmailStatus.VALID: True, EmailStatus.INVALID: False}.get(status)
    mx = {"true": True, "false": False}.get(str(body.get("mx_found")).lower())
    return Checks(
        format=detail != "failed_syntax_check",
        mx=mx,
        mailbox=mailbox,
        disposable=detail == "disposable",
        catch_all=status is EmailStatus.CATCH_ALL,
    )


def _judge(answer: Answer) -> Verdict:
    """`error` inside HTTP 200 comes first: a bad key and spent credits share one sentence (PITFALLS 23)."""
    if answer.status == 404:
        return Verdict(Outcome.INVALID, message="no such address of the API")
    if answer.status != 200:
        return judge_by_status(answer)
    body = answer.json_object()
    error = body.get("error")
    if error:
        outcome = Outcome.QUOTA if "credits" in str(error).lower() else Outcome.AUTH
        return Verdict(outcome, message=str(error)[:200])
    status = body.get("status")
    if status not in _STATUSES:
        return Verdict(Outcome.BAD_ANSWER, message=f"status {str(status)[:40]} is not known")
    return Verdict(Outcome.OK, billable=status != "unknown")
