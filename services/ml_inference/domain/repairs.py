"""What mending the damages costs, and whether a new roof is the better buy (domain/roofing.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.ml_inference.domain.costs import CostEstimate, dollars
from shared.schemas.enums import DamageType, RoofMaterial


class Unit(StrEnum):
    """What a repair is priced by."""

    AREA = "sqft"
    EDGE = "linear_ft"
    TILE = "tile"
    SLOPE = "sqft_of_slope"


class RepairPrice(NamedTuple):
    """Low and high in USD a unit, national index 1.00."""

    unit: Unit
    low: float
    high: float


REPAIRS: Final = {
    DamageType.MISSING_SHINGLES: RepairPrice(Unit.AREA, 6, 14),
    DamageType.CURLED_LIFTED: RepairPrice(Unit.AREA, 4, 10),
    DamageType.MOSS_ALGAE: RepairPrice(Unit.SLOPE, 0.30, 0.75),
    DamageType.RUST_STAINS: RepairPrice(Unit.EDGE, 12, 40),
    DamageType.CRACKED_TILES: RepairPrice(Unit.TILE, 20, 60),
    DamageType.PONDING: RepairPrice(Unit.AREA, 4, 12),
    DamageType.DAMAGED_FLASHING: RepairPrice(Unit.EDGE, 15, 40),
    DamageType.SAGGING: RepairPrice(Unit.AREA, 15, 45),
    DamageType.TREE_DAMAGE: RepairPrice(Unit.AREA, 12, 35),
}
"""Hail dents are priced like a replacement of the slope they are on."""
# HOUSE: the metal along an edge is a foot wide, a tile covers 1.1 sq ft, a slope is half a roof.
UNITS_PER_SQFT: Final = {Unit.AREA: 1.0, Unit.EDGE: 1.0, Unit.TILE: 0.9}
SLOPE_SHARE: Final = 0.5
MINIMUM_VISIT_USD: Final = 300

REPLACE_ABOVE_COST_SHARE, REPLACE_ABOVE_AREA_SHARE, REPLACE_BELOW_YEARS = 0.30, 0.25, 5
SEVERE_SAGGING: Final = 50.0
RESALE_SHARE: Final = {RoofMaterial.METAL_STANDING_SEAM: 0.49}
DEFAULT_RESALE_SHARE: Final = 0.61
REPAIRS_GROW_A_YEAR, LONGEST_PLAN_YEARS = 0.15, 10
MOST_ROI: Final = 999.99


@dataclass(frozen=True, slots=True)
class RepairEstimate:
    """Low and high in USD, and each damage's share of them."""

    low: Decimal
    high: Decimal
    blend: float
    items: Mapping[str, Mapping[str, Any]]

    @property
    def mid(self) -> float:
        """Between low and high."""
        return float(self.low + self.high) / 2

    def terms(self) -> dict[str, Any]:
        """The estimate as JSON, terms included."""
        return {**asdict(self), "low": str(self.low), "high": str(self.high)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether to replace, why, and what replacing returns."""

    replace: bool
    reasons: tuple[str, ...]
    roi_pct: float
    avoided_repairs: float
    resale: float
    years: int


def repair_cost(
    shares: Mapping[DamageType, float], roof_sqft: int, replacement: CostEstimate
) -> RepairEstimate | None:
    """The cost of mending what is seen, at the replacement's local index; None where nothing is to mend."""
    items = {
        damage.value: _item(damage, share, roof_sqft, replacement)
        for damage, share in sorted(shares.items())
        if share > 0
    }
    if not items:
        return None
    low, high = (sum(item[end] for item in items.values()) for end in ("low", "high"))
    return RepairEstimate(
        dollars(max(MINIMUM_VISIT_USD, low)),
        dollars(max(MINIMUM_VISIT_USD, high)),
        replacement.blend,
        items,
    )


def _item(damage: DamageType, share: float, roof_sqft: int, replacement: CostEstimate) -> dict[str, Any]:
    affected = share * roof_sqft
    slope = max(affected, SLOPE_SHARE * roof_sqft)
    price = REPAIRS.get(damage) or RepairPrice(
        Unit.SLOPE, replacement.price_low / 100, replacement.price_high / 100
    )
    units = slope if price.unit is Unit.SLOPE else affected * UNITS_PER_SQFT[price.unit]
    return {
        "unit": price.unit.value,
        "units": round(units, 1),
        "price_low": price.low,
        "price_high": price.high,
        "low": round(units * price.low * replacement.blend, 2),
        "high": round(units * price.high * replacement.blend, 2),
    }


def compare(
    replacement: CostEstimate,
    repair: RepairEstimate | None,
    *,
    damaged_share: float,
    sagging: float,
    years_left: int | None,
    material: RoofMaterial | None,
) -> Comparison:
    """Replace or repair, and the return on a replacement in percent of its cost."""
    replace_mid = float(replacement.low + replacement.high) / 2
    repair_mid = repair.mid if repair else 0.0
    tests = {
        "repairs cost more than 30 % of a new roof": repair_mid > REPLACE_ABOVE_COST_SHARE * replace_mid,
        "more than a quarter of the roof is damaged": damaged_share > REPLACE_ABOVE_AREA_SHARE,
        "less than five years of service are left": years_left is not None
        and years_left < REPLACE_BELOW_YEARS,
        "the roof sags": sagging >= SEVERE_SAGGING,
    }
    reasons = tuple(reason for reason, holds in tests.items() if holds)
    years = min(LONGEST_PLAN_YEARS, years_left or LONGEST_PLAN_YEARS)
    avoided = repair_mid * (1 + REPAIRS_GROW_A_YEAR * years)
    resale = replace_mid * (
        RESALE_SHARE.get(material, DEFAULT_RESALE_SHARE) if material else DEFAULT_RESALE_SHARE
    )
    roi = (avoided + resale - replace_mid) / replace_mid * 100
    return Comparison(
        bool(reasons),
        reasons,
        round(max(-MOST_ROI, min(MOST_ROI, roi)), 2),
        round(avoided, 2),
        round(resale, 2),
        years,
    )
