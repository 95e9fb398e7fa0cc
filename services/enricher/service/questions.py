"""Plain questions on demand: a house, an address of mail, a number, a point; and whole batches of leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.enricher.domain.confidence import confidence_of
from services.enricher.domain.phones import e164
from services.enricher.repository import ContactRepository, OwnerRepository, PlaceRepository
from services.enricher.service import contacts, demand, places
from services.enricher.service.requests import Job, Outcome, Request, answer, nothing_known
from shared.errors import InvalidInput
from shared.http.idempotency import Answer, answer_once
from shared.providers.geocoder import PostalAddress
from shared.runtime import Resources
from shared.schemas.address import Address
from shared.schemas.enums import EnrichmentType
from shared.security.policy import Actor
from shared.workflow.catalogue import ENRICH_LEADS
from shared.workflow.ordering import start_ordered

RECORD_CONFIDENCE = 0.9
"""What the county's own layer says of a house, where no other source has said it since."""
HOUSE_FACTS = (
    "apn", "county", "property_type", "use_code", "year_built", "stories", "sqft", "lot_size", "beds", "baths",
    "assessed_value", "market_value", "tax_amount", "last_sale_on", "last_sale_price", "roof_material",
    "owner_occupied",
)  # fmt: skip


async def geocode(resources: Resources, actor: Actor, body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """Where an address lies, with match level, confidence, ZIP code and time zone."""
    address, house = demand.read_house(body["address"], body["city"], body["state"], body.get("zip_code"))

    async def work(job: Job) -> Outcome:
        place = await _place(resources, job, address, house)
        found = place is not None and place["lat"] is not None
        source = place["source"] if place else None
        return Outcome({"found": found, "location": place}, found=found, source=source)

    request = Request(actor, EnrichmentType.PROPERTY, "geocode", key, body)
    return await answer(resources, request, nothing_known, work)


async def enrich_property(
    resources: Resources, actor: Actor, body: Mapping[str, Any], *, key: str, route: str = "property"
) -> dict[str, Any]:
    """What is known of a house, each fact with its source, licence, date and confidence; nothing of its owner."""

    async def work(job: Job) -> Outcome:
        return await property_facts(resources, job, body)

    request = Request(actor, EnrichmentType.PROPERTY, route, key, body)
    return await answer(resources, request, nothing_known, work)


async def property_facts(resources: Resources, job: Job, body: Mapping[str, Any]) -> Outcome:
    """A house's point, the post's word on its address, and the county's facts."""
    address, house = demand.read_house(body["address"], body["city"], body["state"], body.get("zip_code"))
    async with resources.unit_of_work() as uow:
        parcel = await OwnerRepository(uow.session).parcel_at(demand.place_of(address, house.city))
        known = await PlaceRepository(uow.session).property(parcel.id) if parcel else None
    place = await _place(resources, job, address, house, must=parcel is None)
    said = await places.validate(resources, house)
    facts = _facts(*known) if known else {}
    found = bool(facts or (place and place["lat"] is not None))
    told: dict[str, Any] = {
        "found": found,
        "address": {"line": address.line, "city": address.city, "state": address.state, "zip": address.zip5},
        "location": place,
        "delivery": said if isinstance(said, str) else said["delivery"],
        "facts": facts,
    }
    data: dict[str, Any] = {} if isinstance(said, str) else said
    return Outcome(told, found=found, source=known[0].source if known else None, data=data)


def _facts(row: Row[Any], told: Mapping[str, Row[Any]]) -> dict[str, dict[str, Any]]:
    """Every known column of a parcel with where it came from: its layer, or whoever told it later."""
    facts = {}
    for name in HOUSE_FACTS:
        value = getattr(row, name)
        if value is None:
            continue
        origin = told.get(name)
        confidence = float(origin.confidence or 0) if origin else RECORD_CONFIDENCE
        facts[name] = {
            "value": value,
            "source": (origin or row).source,
            "licence_id": (origin or row).licence_id,
            "fetched_at": (origin or row).fetched_at,
            "confidence": confidence,
        }
    return facts


async def _place(
    resources: Resources, job: Job, address: Address, house: PostalAddress, *, must: bool = True
) -> dict[str, Any] | None:
    """The point of a house, with whether its zone is the one of its city; raises where it must be known and is not."""
    place = await places.locate(job.asking, address, house, job.search)
    if place is None:
        if must and job.asking.waiting is not None:
            raise job.asking.waiting
        return None
    async with resources.unit_of_work() as uow:
        city = await PlaceRepository(uow.session).city(house.city, house.state)
    zone = place["time_zone"]
    agrees = city.time_zone == zone if city is not None and zone else None
    return {**place, "is_citys_time_zone": agrees}


async def verify_email(resources: Resources, actor: Actor, email: str, *, key: str) -> dict[str, Any]:
    """Whether an address takes mail, check by check, and whether its owner has asked us to stop."""

    async def work(job: Job) -> Outcome:
        verdicts = await contacts.verdicts_on(job.asking, email, job.search)
        job.search.records.extend(one for one in verdicts if one["provider"])
        if not verdicts and job.asking.waiting is not None:
            raise job.asking.waiting
        last: Mapping[str, Any] = verdicts[-1] if verdicts else {"status": "unknown", "provider": None}
        digest = resources.keys.blind_index(email, "email")
        async with resources.unit_of_work() as uow:
            suppressed = await OwnerRepository(uow.session).suppressed([digest])
        told = {
            "status": last["status"],
            "deliverable": last["status"] == "valid",
            "checks": last.get("checks"),
            "detail": last.get("detail") or None,
            "source": last["provider"],
            "checked_at": resources.clock(),
            "suppressed": suppressed is not None,
            "reason": job.search.refusals[0] if job.search.refusals and not verdicts else None,
        }
        confidence = confidence_of(100, last["status"]) if told["deliverable"] else None
        return Outcome(told, found=told["deliverable"], source=last["provider"], confidence=confidence)

    request = Request(actor, EnrichmentType.VALIDATION, "verify_email", key, {"email": email})
    return await answer(resources, request, nothing_known, work)


async def verify_phone(resources: Resources, actor: Actor, phone: str, *, key: str) -> dict[str, Any]:
    """Whether a number can be a household's, its line and carrier, and what the do-not-call registry says."""
    number = e164(phone)

    async def work(job: Job) -> Outcome:
        if number is None:
            return Outcome({"valid": False, "reason": "it is no number of a US household"}, found=False)
        listing = await contacts.registry_word(resources, number)
        digest = resources.keys.blind_index(number, "phone")
        line = await contacts.line_facts(job.asking, number, digest, job.search)
        if line is None and job.asking.waiting is not None:
            raise job.asking.waiting
        reasons = [*job.search.refusals, *job.search.passed_over.values()]
        told = {
            "valid": line["valid"] if line else True,
            "line_type": line["line_type"] if line else None,
            "carrier": line["carrier"] if line else None,
            "source": line["provider"] if line else None,
            "checked_at": resources.clock(),
            **listing,
            "may_be_offered": listing["dnc"] == "clear",
            "reason": None if line else (reasons[0] if reasons else "no vendor of phone facts is chosen"),
        }
        return Outcome(told, found=told["valid"], source=told["source"])

    request = Request(actor, EnrichmentType.VALIDATION, "verify_phone", key, {"phone": phone})
    return await answer(resources, request, nothing_known, work)


async def enrich_all(
    resources: Resources, actor: Actor, body: Mapping[str, Any], *, key: str
) -> dict[str, Any]:
    """The house and how its owner can be reached."""
    person = await demand.find_contact(resources, actor, EnrichmentType.ALL, body, key=key)
    about_house = {name: body.get(name) for name in ("address", "city", "state", "zip_code")}
    house = await enrich_property(resources, actor, about_house, key=key, route="all_house")
    return {"house": house, "contact": person}


async def enrich_batch(
    resources: Resources, actor: Actor, property_ids: Sequence[UUID], *, key: str
) -> dict[str, Any]:
    """A job that looks for the owners of these leads or parcels, started once under the key."""
    async with resources.unit_of_work() as uow:

        async def begin() -> Answer:
            leads = await ContactRepository(uow.session).of_properties(property_ids)
            if not leads:
                raise InvalidInput("none of the properties is a lead")
            chosen = sorted({str(lead_id) for lead_id in leads.values()})
            run = await start_ordered(
                uow.session, actor, ENRICH_LEADS.kind, service="enricher", input={"lead_ids": chosen}
            )
            unknown = [str(one) for one in property_ids if one not in leads]
            body = {"job_id": str(run.workflow_id), "accepted": len(chosen), "unknown": unknown}
            return Answer(202, body)

        asked = {"property_ids": [str(one) for one in property_ids]}
        scope = f"enricher:batch:{actor.name}"
        begun = await answer_once(uow.session, begin, scope=scope, key=key, request=asked)
    return begun.body
