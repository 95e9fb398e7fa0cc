"""How old a roof is, and on which evidence (roofing.md 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared.schemas.enums import RoofAgeEvidence, RoofMaterial
from shared.schemas.service_life import expected_life

# Years either side of a stated age, by who states it.
SPREADS: Final = {RoofAgeEvidence.VENDOR: 2, RoofAgeEvidence.OWNER: 3, RoofAgeEvidence.MODEL: 5}


@dataclass(frozen=True, slots=True)
class RoofEvidence:
    """Everything known about when a roof was laid; the strongest item decides."""

    permit_on: date | None = None
    images_between: tuple[date, date] | None = None
    vendor_age: int | None = None
    owner_age: int | None = None
    model_age: int | None = None
    year_built: int | None = None


@dataclass(frozen=True, slots=True)
class RoofAge:
    """Age in whole years: the range, the number to use, and what it rests on."""

    low: int
    mid: int
    high: int
    evidence: RoofAgeEvidence


def estimate_roof_age(
    known: RoofEvidence,
    today: date,
    *,
    material: RoofMaterial | None = None,
    state: str = "",
    county: str | None = None,
) -> RoofAge | None:
    """The age by the strongest evidence, never more than the house's own; None where nothing is known."""
    house_age = age_of_house(known.year_built, today)
    for age in _by_strength(known, today):
        bound = age.high if house_age is None else house_age
        return RoofAge(min(age.low, bound), min(age.mid, bound), min(age.high, bound), age.evidence)
    if house_age is None:
        return None
    # No sign of a replacement is no proof of none: plan with one service life at most.
    planned = min(house_age, expected_life(material, state, county))
    return RoofAge(0, planned, house_age, RoofAgeEvidence.YEAR_BUILT)


def _by_strength(known: RoofEvidence, today: date) -> Iterator[RoofAge]:
    if known.permit_on is not None:
        age = full_years(known.permit_on, today)
        yield RoofAge(age, age, age, RoofAgeEvidence.PERMIT)
    if known.images_between is not None:
        before, after = sorted(known.images_between)
        middle = before + timedelta(days=(after - before).days // 2)
        yield RoofAge(
            full_years(after, today),
            full_years(middle, today),
            full_years(before, today),
            RoofAgeEvidence.IMAGES,
        )
    stated = (
        (known.vendor_age, RoofAgeEvidence.VENDOR),
        (known.owner_age, RoofAgeEvidence.OWNER),
        (known.model_age, RoofAgeEvidence.MODEL),
    )
    for years, evidence in stated:
        if years is not None:
            spread = SPREADS[evidence]
            yield RoofAge(max(0, years - spread), years, years + spread, evidence)


def age_of_house(year_built: int | None, today: date) -> int | None:
    """Years since the house was built; assessors write 0 for unknown."""
    if year_built is None or year_built <= 0:
        return None
    return max(0, today.year - year_built)


def full_years(since: date, today: date) -> int:
    """Whole years from one day to another; never negative."""
    years = today.year - since.year - ((today.month, today.day) < (since.month, since.day))
    return max(0, years)
