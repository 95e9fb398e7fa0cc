"""ATTOM property with owner (contracts/attom.md): every HTTP 200 is billed, whatever is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.geocoder import PostalAddress
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.owner_records import OwnerAnswer, OwnerRecord
from shared.providers.settings import ProviderSettings

PATH: Final = "/propertyapi/v1.0.0/property/detailowner"
_NO_RESULT: Final = "SuccessWithoutResult"


class AttomRecords:
    """Owners by address."""

    name = "attom"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        headers = {"apikey": settings.key(self.name), "accept": "application/json"}
        client = settings.client(self.name, headers=headers)
        self._client = ProviderClient(self.name, client, deps, source=self.name)
        self.price = settings.price(self.name)
        self._cost = settings.attom_lookup_cost_usd

    async def look_up(self, address: PostalAddress) -> OwnerAnswer:
        """Who owns the house at that address."""
        request = ProviderRequest(
            endpoint="/property/detailowner",
            path=PATH,
            params=[("address1", address.street), ("address2", f"{address.city}, {address.state}")],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        record = _record(reply.answer.json_object()) if reply.found else None
        return OwnerAnswer(self.name, record, reply.cost)


def _judge(answer: Answer) -> Verdict:
    """No match comes as 400 or as 200; a used-up quota comes as 429 with an envelope of its own."""
    if answer.status == 429 and b"Quota" in answer.body:
        return Verdict(Outcome.QUOTA, message="the lookups of the contract are used up")
    if answer.status not in (200, 400):
        return judge_by_status(answer)
    body, billable = _lower(answer.json_object()), answer.status == 200
    said = str((body.get("status") or {}).get("msg"))
    if said == _NO_RESULT:
        return Verdict(Outcome.NOT_FOUND, billable=billable, message=said)
    if answer.status == 400:
        return Verdict(Outcome.INVALID, message=said[:200])
    if not isinstance(body.get("property"), list) or not body["property"]:
        return Verdict(Outcome.BAD_ANSWER, billable=True, message="a property was promised")
    return Verdict(Outcome.OK, billable=True)


def _record(body: Mapping[str, Any]) -> OwnerRecord | None:
    found = _lower(body)["property"][0]
    if not isinstance(found, dict):
        raise ProviderBadAnswer("a property that is none", provider="attom")
    owner, identifier = found.get("owner") or {}, found.get("identifier") or {}
    name = (owner.get("owner1") or {}).get("fullname")
    if not name:
        return None
    company = {"Y": True, "N": False}.get(str(owner.get("corporateindicator")))
    return OwnerRecord(
        name=str(name),
        mailing_address=owner.get("mailingaddressoneline") or None,
        is_company=company,
        apn=identifier.get("apn") or None,
        vendor_id=str(identifier["attomid"]) if identifier.get("attomid") else None,
    )


def _lower(value: Any) -> Any:
    """The answer with all names in small letters: the vendor's own differ from path to path."""
    if isinstance(value, dict):
        return {str(name).lower(): _lower(inner) for name, inner in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value
