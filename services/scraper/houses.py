"""Which house of a target city an address means, and what goes on around it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.scraper.domain.addresses import read_address
from services.scraper.repository import CityRepository, NeighborhoodRepository, ParcelRepository
from shared.errors import Conflict, InvalidInput, NotFound
from shared.runtime import Resources
from shared.schemas.address import Address


class CityUnknown(NotFound):
    """No row of target_cities has this name."""

    code = "city-unknown"


class PropertyUnknown(NotFound):
    """No parcel of the city has this address."""

    code = "property-unknown"


class PropertyWithoutPlace(Conflict):
    """A parcel whose point on the map nobody has told."""

    code = "property-without-place"


async def known_city(resources: Resources, city: str, state: str) -> Row[Any]:
    """The target city of this name; CityUnknown where there is none."""
    async with resources.unit_of_work() as uow:
        row = await CityRepository(uow.session).by_name(city, state)
    if row is None:
        raise CityUnknown(f"{city}, {state} is not a target city", city=city, state=state)
    return row


async def known_house(resources: Resources, city: Row[Any], address: str) -> tuple[UUID, Address]:
    """The one parcel that an address means; PropertyUnknown for none, InvalidInput where it is not clear."""
    wanted = read_address(address, city.city, city.state)
    if not wanted.names_a_house():
        raise InvalidInput(f"{address} names no house: its number is missing", address=address)
    async with resources.unit_of_work() as uow:
        houses = await ParcelRepository(uow.session).houses_at(city.id, wanted)
    place = f"{city.city}, {city.state}"
    if not houses:
        raise PropertyUnknown(f"no parcel of {place} is known at {wanted.line}", address=address)
    if len(houses) > 1:
        raise InvalidInput(
            f"more than one house of {place} may be meant by {wanted.line}: name its ZIP", address=address
        )
    return houses[0], wanted


async def neighborhood(resources: Resources, city: str, state: str, address: str) -> dict[str, Any]:
    """Re-roofs within a quarter mile of a house, and how much they press."""
    house, read = await known_house(resources, await known_city(resources, city, state), address)
    async with resources.unit_of_work() as uow:
        found = await NeighborhoodRepository(uow.session).around(house)
    if found is None:
        raise PropertyWithoutPlace(f"where {read.line} lies is not known", address=address)
    return {
        "address": read.line,
        "permits_30d": found.permits_30d,
        "permits_60d": found.permits_60d,
        "permits_90d": found.permits_90d,
        "average_value_usd": found.average_value_usd,
        "permits_per_square_mile": found.permits_per_square_mile,
        "urgency": found.urgency,
        "trending_contractors": found.trending_contractors,
    }
