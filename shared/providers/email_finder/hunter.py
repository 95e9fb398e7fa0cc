"""Hunter v2 (contracts/hunter.md): made for business addresses, so homeowners are rarely found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.email_finder import OPTED_OUT, FoundEmail, Person, PersonOptedOut
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

_QUOTA_IDS: Final = ("usage_limit", "too_many_requests")
"""On 429 the month's credits are gone; the pace is answered with 403, or with 429 and a Retry-After."""


class HunterFinder:
    """Finds by name with company or domain; a search without result costs nothing."""

    name = "hunter"
    gives_phones = False

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        # The key goes in a header: in the query it would end in logs and traces (PITFALLS 32).
        headers = {"x-api-key": settings.key(self.name)}
        self._client = ProviderClient(
            self.name, settings.client(self.name, headers=headers), deps, source=self.name
        )
        self.price = settings.price(self.name)
        self._cost = settings.hunter_find_cost_usd

    def can_find(self, person: Person) -> bool:
        """Hunter does not search by a name alone."""
        return bool(person.domain or person.company)

    async def find(self, person: Person) -> FoundEmail | None:
        """The address, or None where Hunter knows none; PersonOptedOut ends the search."""
        if not self.can_find(person):
            return None
        request = ProviderRequest(
            endpoint="/v2/email-finder",
            path="/v2/email-finder",
            params=_params(person),
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        try:
            reply = await self._client.call(request)
        except ProviderRejected as error:
            if error.fields.get("status") == OPTED_OUT:
                raise PersonOptedOut(
                    "the person asked not to be processed", provider=self.name, status=OPTED_OUT
                ) from error
            raise
        return self._found(reply.answer.json_object()["data"], reply.cost) if reply.found else None

    def _found(self, data: dict[str, Any], cost: Decimal) -> FoundEmail:
        score = data.get("score")
        return FoundEmail(
            email=str(data["email"]).strip().lower(),
            confidence=min(100, max(0, int(score))) if isinstance(score, int | float) else 0,
            provider=self.name,
            sources=tuple(str(seen["uri"]) for seen in data.get("sources") or () if seen.get("uri")),
            verification=(data.get("verification") or {}).get("status"),
            cost=cost,
        )


def _params(person: Person) -> list[tuple[str, str]]:
    params = [("full_name", person.full_name), ("max_duration", "10")]
    if person.domain:
        params.append(("domain", person.domain))
    elif person.company:
        params.append(("company", person.company))
    return params


def _judge(answer: Answer) -> Verdict:
    if answer.status == 200:
        data = answer.json_object().get("data")
        if not isinstance(data, dict):
            return Verdict(Outcome.BAD_ANSWER, message="an answer without data")
        return _judge_data(data)
    if answer.status in (202, 222):  # still looking, or the remote mail server did not answer
        return Verdict(Outcome.RETRYABLE, message="not ready yet", wait_seconds=60.0)
    if answer.status in (403, 429):
        return _judge_limit(answer)
    return judge_by_status(answer)


def _judge_data(data: dict[str, Any]) -> Verdict:
    email = data.get("email")
    if not email:
        return Verdict(Outcome.NOT_FOUND, message="no address known")
    if not isinstance(email, str) or "@" not in email:
        return Verdict(Outcome.BAD_ANSWER, billable=True, message="an address that is none")
    return Verdict(Outcome.OK, billable=True)


def _judge_limit(answer: Answer) -> Verdict:
    try:
        errors = answer.json_object().get("errors") or ()
    except ProviderBadAnswer:
        errors = ()
    spent = any(isinstance(error, dict) and error.get("id") in _QUOTA_IDS for error in errors)
    if spent and answer.status == 429 and "retry-after" not in answer.headers:
        return Verdict(Outcome.QUOTA, message="the credits of the month are used up")
    return Verdict(Outcome.RETRYABLE, message="too fast", status=429)
