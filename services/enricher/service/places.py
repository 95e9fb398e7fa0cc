"""Where a house stands: geocoded points, the post's word on its address, and what the county knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import tzfpy
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.geocoding import SURE, match_confidence, match_level
from services.enricher.domain.search import Search
from services.enricher.repository import ContactRepository, PlaceRepository
from services.enricher.service.asking import Asking
from services.enricher.service.owners import house_of
from shared.errors import PolicyViolation, ProviderError
from shared.providers.geocoder import GeocodedAddress, Geocoder, PostalAddress
from shared.runtime import Resources, StepContext
from shared.schemas.address import Address
from shared.schemas.enums import EnrichmentType, JobStatus, MatchLevel

CITY_RADIUS_MILES = 40.0
POST_SECONDS = 10
"""A contact that is found already does not wait for the post."""
UNKNOWN: Mapping[str, Any] = {
    "match_level": MatchLevel.NONE.value,
    "accuracy": None,
    "confidence": 0,
    "lat": None,
    "lng": None,
    "matched_address": None,
    "zip": None,
    "time_zone": None,
}


def placed(match: GeocodedAddress | None) -> dict[str, Any]:
    """A geocoder's answer with its match level, confidence, ZIP code and the time zone of the point."""
    if match is None:
        return dict(UNKNOWN)
    return {
        "match_level": match_level(exact=match.exact).value,
        "accuracy": match.accuracy.value,
        "confidence": match_confidence(match.accuracy.value, exact=match.exact),
        "lat": match.point.lat,
        "lng": match.point.lng,
        "matched_address": match.matched_address,
        "zip": match.zip_code or None,
        "time_zone": tzfpy.get_tz(match.point.lng, match.point.lat) or None,
    }


async def geocode_city(ctx: StepContext, city_id: UUID) -> dict[str, int]:
    """Ask for the addresses of a city that have no point, a batch at a time; counts of what was asked and known."""
    resources, counts = ctx.resources, {"asked": 0, "placed_by_parcels": 0, **ctx.progress}
    async with resources.unit_of_work() as uow:
        counts["placed_by_parcels"] += await PlaceRepository(uow.session).place_by_parcels(city_id)
        await ctx.report(counts, uow.session)
    maker = resources.providers.bulk_geocoder
    while rows := await _unplaced(resources, city_id):
        questions = [
            PostalAddress(str(place), row.address.split(",")[0], row.city, row.state, row.zip or "")
            for place, row in enumerate(rows)
        ]
        found = await maker.locate_many(questions)
        answers = [
            {
                **placed(found.get(str(place))),
                "state": row.state,
                "address_key": row.address_key,
                "source": maker.source,
            }
            for place, row in enumerate(rows)
        ]
        counts["asked"] += len(rows)
        async with resources.unit_of_work() as uow:
            await PlaceRepository(uow.session).keep(answers)
            await ctx.report(counts, uow.session)
    return counts


async def _unplaced(resources: Resources, city_id: UUID) -> Sequence[Row[Any]]:
    async with resources.unit_of_work() as uow:
        return await PlaceRepository(uow.session).unplaced(city_id, limit=resources.settings.geocode_batch)


async def place_city(session: AsyncSession, city_id: UUID) -> dict[str, Any]:
    """Place the city's parcels and permits by sure matches; what was placed, what was not, and odd time zones."""
    repository = PlaceRepository(session)
    parcels, permits = await repository.place(city_id, confidence=SURE, radius_miles=CITY_RADIUS_MILES)
    left = await repository.left_out(city_id)
    return {
        "parcels_placed": parcels,
        "permits_placed": permits,
        "zips_by_neighbours": await repository.zips_by_neighbours(city_id),
        "unmatched": left.unmatched,
        "unsure": left.unsure,
        "other_time_zones": await repository.other_zones(city_id, confidence=SURE),
    }


async def locate(
    asking: Asking, address: Address, house: PostalAddress, search: Search
) -> dict[str, Any] | None:
    """Where an address lies, from what is known or from the geocoder; None where nobody could be asked."""
    resources, maker = asking.resources, asking.resources.providers.geocoder
    known = await known_place(resources, address)
    if known is not None:
        return known
    answer = await asking.ask("place.find", maker.name, search, lambda: _locate(maker, house))
    if answer is None:
        return None
    search.records.append(answer)
    row = {name: answer[name] for name in UNKNOWN}
    async with resources.unit_of_work() as uow:
        repository = PlaceRepository(uow.session)
        await repository.keep(
            [{**row, "state": address.state, "address_key": address.key, "source": maker.source}]
        )
    return await known_place(resources, address)


async def known_place(resources: Resources, address: Address) -> dict[str, Any] | None:
    """What a geocoder has said of an address, with its source and licence."""
    async with resources.unit_of_work() as uow:
        row = await PlaceRepository(uow.session).known(address.state, address.key)
    return None if row is None else dict(row)


async def _locate(maker: Geocoder, house: PostalAddress) -> dict[str, Any]:
    match = await maker.locate(house)
    return {"provider": maker.name, "cost": str(maker.price), **placed(match)}


async def validate_lead(ctx: StepContext, lead: Row[Any] | None) -> str | None:
    """What the post says of a lead's address, asked once and kept; in words why it was not asked."""
    if lead is None:
        return None
    async with ctx.resources.unit_of_work() as uow:
        known = await ContactRepository(uow.session).delivery(lead.id)
    if known is not None:
        return known
    said = await validate(ctx.resources, house_of(lead))
    if isinstance(said, str):
        return said
    async with ctx.resources.unit_of_work() as uow:
        await ContactRepository(uow.session).store_job(
            lead.id,
            ctx.workflow_id,
            {
                "status": JobStatus.COMPLETED,
                "error": None,
                "started_at": ctx.lease.started_at,
                "found": said["delivery"] == "deliverable",
                "confidence": None,
                "cost": Decimal(0),
                "calls": 1,
                "tried": [said["provider"]],
                "source": said["provider"],
                "data": said,
            },
            kind=EnrichmentType.VALIDATION,
        )
    return str(said["delivery"])


async def validate(resources: Resources, house: PostalAddress) -> dict[str, Any] | str:
    """The post's verdict on an address, or in words why there is none; its own lines may be used for mail only."""
    settings = resources.providers.settings
    if not settings.can_ask(settings.address_validator):
        return f"skipped: there is no key of {settings.address_validator}"
    post = resources.providers.address_validator
    try:
        async with asyncio.timeout(POST_SECONDS):
            said = await post.validate(house)
    except TimeoutError:
        return f"put off: {post.name}: no answer in {POST_SECONDS} seconds"
    except ProviderError as error:
        return f"{'put off' if error.retryable else 'refused'}: {post.name}: {error.detail}"
    except PolicyViolation as closed:
        return f"skipped: {post.name}: {closed.detail}"
    if said is None:
        return {"provider": post.name, "delivery": "unknown_address"}
    return {
        "provider": post.name,
        "delivery": said.delivery.value,
        "exact": said.exact,
        "vacant": said.vacant,
    }
