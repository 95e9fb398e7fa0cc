"""The verbs of counties' permits: pull some now, list them, look at one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from services.scraper.hvac.access import records_of_agency
from services.scraper.hvac.counties import SERVICE, county_of
from services.scraper.hvac.pulling import Pulled, read_batch, store_batch
from services.scraper.repository import CountyPermitRepository
from services.scraper.service import person_rules
from shared.errors import Conflict, InvalidInput, NotFound
from shared.providers.context import calling_for
from shared.providers.permit_source.accela_records import RecordQuery
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectErased, SubjectKeys

PERSONAL = ("owner_name", "owner_phone", "owner_email", "mailing_address")
SEALED = ("subject_id", "raw_data", *PERSONAL)


class CountyInactive(Conflict):
    """The county was switched off."""

    code = "county-inactive"


async def pulled_county(resources: Resources, county_id: UUID) -> Pulled:
    """A county ready to be read; CountyInactive where it was switched off."""
    county = await county_of(resources, county_id)
    if not county.is_active:
        raise CountyInactive(f"{county.name}, {county.state} is switched off.")
    records = await records_of_agency(resources, county.agency_id, county.source_key)
    return Pulled(county, records, await person_rules(resources), resources.keys)


async def pull_now(
    resources: Resources, county_id: UUID, *, days: tuple[date, date], limit: int, status: str | None
) -> dict[str, Any]:
    """Pull up to `limit` permits opened in these days; what became of them."""
    if days[0] > days[1]:
        raise InvalidInput("date_from is after date_to.")
    pulled = await pulled_county(resources, county_id)
    query = RecordQuery(pulled.county.module, pulled.county.permit_type, *days, status=status)
    with calling_for("county", county_id):
        batch = await read_batch(pulled, query, offset=0, size=limit)
    async with resources.unit_of_work() as uow:
        report = await store_batch(uow, pulled, batch.records)
    counts = report.as_json()
    return {
        "county_id": county_id,
        "permits_pulled": counts.pop("read"),
        "permits_saved": counts.pop("stored"),
        "more": batch.more,
        "persons_left_out": pulled.law,
        **counts,
    }


async def list_permits(resources: Resources, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Permits by county and days, newest first, and how many there are in all; nobody's name among them."""
    async with resources.unit_of_work() as uow:
        rows = await CountyPermitRepository(uow.session).page(wanted)
    items = [{name: value for name, value in row._asdict().items() if name != "found"} for row in rows]
    total = rows[0].found if rows else 0
    return {"permits": items, "total": total, "limit": wanted["limit"], "offset": wanted["offset"]}


async def describe(resources: Resources, actor: Actor, permit_id: UUID) -> dict[str, Any]:
    """A permit with its owner and its record as it came; who looked at the person is in the audit log."""
    async with resources.unit_of_work() as uow:
        row = await CountyPermitRepository(uow.session).one(permit_id)
        if row is None:
            raise NotFound(f"There is no permit {permit_id}.", permit_id=str(permit_id))
        shown = {name: value for name, value in row._asdict().items() if name not in SEALED}
        try:
            cipher = await SubjectKeys(uow.session, resources.keys).load(row.subject_id)
        except SubjectErased:
            return {**shown, "owner": None, "raw_data": None}
        owner = {name: cipher.decrypt_optional(name, getattr(row, name)) for name in PERSONAL}
        await audit.record(
            uow.session,
            actor,
            "permit.reveal",
            service=SERVICE,
            object_type="permit",
            object_id=permit_id,
            fields=[*PERSONAL, "raw_data"],
        )
        raw = orjson.loads(cipher.decrypt("raw_data", row.raw_data))
    return {**shown, "owner": owner, "raw_data": raw}
