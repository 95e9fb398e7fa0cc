"""Apollo people enrichment (contracts/apollo.md): contractor prospects only, its terms forbid resale."""

from __future__ import annotations

from typing import Any, Final

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.email_finder import FoundEmail, Person
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

_CONFIDENCE: Final = {"verified": 95, "guessed": 50}
"""What Apollo's words are worth; an address with any other word is none."""


class ApolloFinder:
    """Finds by name with company or domain; a match without an address costs nothing."""

    name = "apollo"
    gives_phones = False

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"x-api-key": settings.key(self.name)}
        client = settings.client(self.name, headers=headers)
        self._client = ProviderClient(self.name, client, deps, source=self.name)
        self.price = settings.price(self.name)
        self._cost = settings.apollo_find_cost_usd

    def can_find(self, person: Person) -> bool:
        """A name alone matches whoever bears it."""
        return bool(person.domain or person.company)

    async def find(self, person: Person) -> FoundEmail | None:
        """The address, or None where Apollo knows none."""
        if not self.can_find(person):
            return None
        hint = ("domain", person.domain) if person.domain else ("organization_name", person.company or "")
        request = ProviderRequest(
            endpoint="/api/v1/people/match",
            method="POST",
            path="/api/v1/people/match",
            params=[("name", person.full_name), hint, ("reveal_personal_emails", "true")],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        if not reply.found:
            return None
        found = reply.answer.json_object()["person"]
        return FoundEmail(
            email=found["email"].strip().lower(),
            confidence=_CONFIDENCE[found["email_status"]],
            provider=self.name,
            verification=found["email_status"],
            cost=reply.cost,
        )


def _judge(answer: Answer) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    body = answer.json_object()
    if "person" not in body or not isinstance(body["person"], dict | None):
        return Verdict(Outcome.BAD_ANSWER, message="an answer without person")
    person: dict[str, Any] = body["person"] or {}
    email = person.get("email")
    if not email or person.get("email_status") not in _CONFIDENCE:
        return Verdict(Outcome.NOT_FOUND, message="no address known")
    if not isinstance(email, str) or "@" not in email:
        return Verdict(Outcome.BAD_ANSWER, billable=True, message="an address that is none")
    return Verdict(Outcome.OK, billable=True)
