"""How long a roof lasts, by its covering and climate (domain/roofing.md 2)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from shared.schemas.enums import RoofCondition, RoofMaterial


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
# Visible condition may only shorten what is left, to at most so many years (HOUSE).
CONDITION_LIFE_CAPS: Final = {RoofCondition.FAIR: 10, RoofCondition.POOR: 4, RoofCondition.CRITICAL: 0}


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
    age_years: int,
    material: RoofMaterial | None,
    state: str,
    county: str | None = None,
    *,
    condition: RoofCondition | None = None,
) -> int:
    """Whole years left; what is seen on the roof may only shorten it."""
    left = max(0, expected_life(material, state, county) - age_years)
    cap = CONDITION_LIFE_CAPS.get(condition) if condition is not None else None
    return left if cap is None else min(left, cap)
