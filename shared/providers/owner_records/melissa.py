"""Melissa Property v4 (contracts/melissa.md): always HTTP 200, the meaning is in its result codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.geocoder import PostalAddress
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.owner_records import OwnerAnswer, OwnerRecord
from shared.providers.settings import ProviderSettings

COLUMNS: Final = "GrpParcel,GrpPrimaryOwner,GrpOwnerAddress"
"""Every group is billed by itself: only those that are read."""
_FOUND: Final = frozenset({"YS01", "YS02"})
_LICENCE: Final = frozenset({"GE05", "GE08"})


class MelissaRecords:
    """Owners by address; a lookup that finds nothing costs nothing."""

    name = "melissa"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)
        self._key = settings.key(self.name)
        self.price = settings.price(self.name)
        self._cost = settings.melissa_lookup_cost_usd

    async def look_up(self, address: PostalAddress) -> OwnerAnswer:
        """Who owns the house at that address."""
        request = ProviderRequest(
            endpoint="/v4/WEB/LookupProperty",
            path="/v4/WEB/LookupProperty",
            params=[("id", self._key), ("ff", address.one_line()), ("cols", COLUMNS), ("format", "json")],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        record = _record(reply.answer.json_object()["Records"][0]) if reply.found else None
        return OwnerAnswer(self.name, record, reply.cost)


def _judge(answer: Answer) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    body = answer.json_object()
    errors = _codes(body.get("TransmissionResults"))
    if "SE01" in errors:
        return Verdict(Outcome.RETRYABLE, message="SE01", status=503)
    if errors:
        outcome = Outcome.AUTH if errors & _LICENCE else Outcome.INVALID
        return Verdict(outcome, message=",".join(sorted(errors))[:200])
    records = body.get("Records")
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return Verdict(Outcome.BAD_ANSWER, message="a record was promised")
    if not _codes(records[0].get("Results")) & _FOUND:
        return Verdict(Outcome.NOT_FOUND, message="no such property")
    return Verdict(Outcome.OK, billable=True)


def _codes(text: Any) -> frozenset[str]:
    return frozenset(code.strip() for code in str(text or "").split(",") if code.strip())


def _record(found: Mapping[str, Any]) -> OwnerRecord | None:
    """All values are texts, and an empty one is an absent one."""
    owner, mail = found.get("PrimaryOwner") or {}, found.get("OwnerAddress") or {}
    if not owner.get("Name1Full"):
        return None
    parts = [mail.get(name) for name in ("Address", "City", "State", "Zip")]
    return OwnerRecord(
        name=str(owner["Name1Full"]),
        mailing_address=", ".join(str(part) for part in parts if part) or None,
        apn=(found.get("Parcel") or {}).get("FormattedAPN") or None,
    )
