"""FullContact person.enrich (contracts/fullcontact.md): a name and a postal address to e-mail and phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.email_finder import FoundEmail, FoundPhone, Person
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

MATCH_CONFIDENCE: Final = 80
"""The vendor gives no figure of its own; we ask for matches of its grade HIGH."""


class FullContactFinder:
    """Finds by name together with the address; every match costs, and so does every repeat."""

    name = "fullcontact"
    gives_phones = True

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}"}
        client = settings.client(self.name, headers=headers)
        self._client = ProviderClient(self.name, client, deps, source=self.name)
        self.price = settings.price(self.name)
        self._cost = settings.fullcontact_find_cost_usd

    def can_find(self, person: Person) -> bool:
        """A name without its postal address is refused."""
        return bool(person.street and person.city and person.state)

    async def find(self, person: Person) -> FoundEmail | None:
        """What is known of the person; None without a match."""
        if not self.can_find(person):
            return None
        request = ProviderRequest(
            endpoint="/v3/person.enrich",
            method="POST",
            path="/v3/person.enrich",
            json=_question(person),
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        if not reply.found:
            return None
        details = reply.answer.json_object().get("details") or {}
        emails = [str(item["value"]).strip().lower() for item in details.get("emails") or () if _valued(item)]
        return FoundEmail(
            email=next((email for email in emails if "@" in email), None),
            confidence=MATCH_CONFIDENCE,
            provider=self.name,
            phones=tuple(
                FoundPhone(str(item["value"]), line_type=_line_type(item))
                for item in details.get("phones") or ()
                if _valued(item)
            ),
            cost=reply.cost,
        )


def _question(person: Person) -> dict[str, Any]:
    location = {"addressLine1": person.street, "city": person.city, "regionCode": person.state}
    if person.zip_code:
        location["postalCode"] = person.zip_code
    return {"name": {"full": person.natural_name}, "location": location, "confidence": "HIGH"}


def _valued(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item.get("value"))


def _line_type(item: Mapping[str, Any]) -> str | None:
    label = str(item.get("label") or "").lower()
    return label if label in ("mobile", "landline", "voip") else None


def _judge(answer: Answer) -> Verdict:
    if answer.status == 202:  # queued for a webhook that we do not offer
        return Verdict(Outcome.RETRYABLE, message="not ready yet", wait_seconds=60.0)
    if answer.status != 200:
        return judge_by_status(answer)
    details = answer.json_object().get("details", {})
    if not isinstance(details, dict | None):
        return Verdict(Outcome.BAD_ANSWER, billable=True, message="details that are none")
    return Verdict(Outcome.OK, billable=True)
