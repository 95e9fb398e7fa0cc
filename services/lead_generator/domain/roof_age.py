"""How old a roof is, on which evidence, and how long it has left (roofing.md 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from shared.schemas.enums import RoofAgeEvidence, RoofCondition, RoofMaterial


class ServiceLife(NamedTuple):
    """Years a covering lasts; `mid` is the one to plan with."""

    low: int
    mid: int
    high: int


SERVICE_LIVES: Final = {
    RoofMaterial.ASPHALT_3TAB: ServiceLife(12, 18, 25),
    RoofMaterial.ASPHALT_ARCHITECTURAL: ServiceLife(20, 25, 40),
    RoofMaterial.ASPHALT_DESIGNER: ServiceLife(25, 30, 50),
    RoofMaterial.WOOD_SHAKE: ServiceLife(20, 28, 35),
    RoofMaterial.METAL_EXPOSED_FASTENER: ServiceLife(25, 35, 45),
    RoofMaterial.METAL_STANDING_SEAM: ServiceLife(40, 50, 70),
    RoofMaterial.STONE_COATED_STEEL: ServiceLife(35, 45, 60),
    RoofMaterial.CONCRETE_TILE: ServiceLife(35, 45, 60),
    RoofMaterial.CLAY_TILE: ServiceLife(45, 60, 100),
    RoofMaterial.SLATE: ServiceLife(60, 80, 150),
    RoofMaterial.SYNTHETIC: ServiceLife(30, 40, 50),
    RoofMaterial.EPDM: ServiceLife(12, 18, 25),
    RoofMaterial.TPO_PVC: ServiceLife(15, 22, 30),
    RoofMaterial.MODIFIED_BITUMEN: ServiceLife(10, 15, 20),
    RoofMaterial.BUILT_UP: ServiceLife(10, 18, 30),
    RoofMaterial.FIBER_CEMENT: ServiceLife(20, 25, 35),
}
# Most houses of the target cities carry it; an unknown covering is planned with its life.
DEFAULT_MATERIAL: Final = RoofMaterial.ASPHALT_ARCHITECTURAL

# Heat, sun and hail shorten a life. California counts as inland but for its coast counties.
CLIMATE_FACTORS: Final = {
    Decimal("0.85"): ("AL", "AZ", "FL", "GA", "LA", "MS", "NM", "NV", "OK", "SC", "TX"),
    Decimal("0.90"): ("CA", "CO", "KS", "NE", "UT"),
    Decimal("1.00"): ("OR", "WA"),
}
DEFAULT_CLIMATE_FACTOR: Final = Decimal("0.95")
COAST_CLIMATE_FACTOR: Final = Decimal("1.00")
CALIFORNIA_COAST: Final = frozenset(
    {
        "Del Norte",
        "Humboldt",
        "Los Angeles",
        "Marin",
        "Mendocino",
        "Monterey",
        "Orange",
        "San Diego",
        "San Francisco",
        "San Luis Obispo",
        "San Mateo",
        "Santa Barbara",
        "Santa Cruz",
        "Sonoma",
        "Ventura",
    }
)
# Years either side of a stated age, by who states it.
SPREADS: Final = {RoofAgeEvidence.VENDOR: 2, RoofAgeEvidence.OWNER: 3, RoofAgeEvidence.MODEL: 5}
# Visible condition may only shorten what is left, to at most so many years (HOUSE).
CONDITION_LIFE_CAPS: Final = {RoofCondition.FAIR: 10, RoofCondition.POOR: 4, RoofCondition.CRITICAL: 0}


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


def climate_factor(state: str, county: str | None = None) -> Decimal:
    """What the climate leaves of a service life."""
    if state == "CA" and county in CALIFORNIA_COAST:
        return COAST_CLIMATE_FACTOR
    for factor, states in CLIMATE_FACTORS.items():
        if state in states:
            return factor
    return DEFAULT_CLIMATE_FACTOR


def service_life(material: RoofMaterial | None) -> ServiceLife:
    """The life of a covering; an unknown one is taken for architectural asphalt."""
    return SERVICE_LIVES[material or DEFAULT_MATERIAL]


def expected_life(material: RoofMaterial | None, state: str, county: str | None = None) -> int:
    """The planning life in this climate, rounded half-up to whole years."""
    years = service_life(material).mid * climate_factor(state, county)
    return int(years.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def remaining_life(
    age: RoofAge,
    material: RoofMaterial | None,
    state: str,
    county: str | None = None,
    *,
    condition: RoofCondition | None = None,
) -> int:
    """Whole years left; what is seen on the roof may only shorten it."""
    left = max(0, expected_life(material, state, county) - age.mid)
    cap = CONDITION_LIFE_CAPS.get(condition) if condition is not None else None
    return left if cap is None else min(left, cap)
