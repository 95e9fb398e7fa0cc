"""What repairing damage costs, and whether to repair at all (domain/roofing.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.ml_inference.domain.costs import PRICES
from shared.schemas.enums import DamageType, RoofMaterial

# USD low and high per unit, national index 1.00: square feet, running feet for rust and flashing, tiles for cracks.
UNIT_PRICES: Final = {
    DamageType.MISSING_SHINGLES: (6.0, 14.0),
    DamageType.CURLED_LIFTED: (4.0, 10.0),
    DamageType.MOSS_ALGAE: (0.30, 0.75),
    DamageType.RUST_STAINS: (12.0, 40.0),
    DamageType.CRACKED_TILES: (20.0, 60.0),
    DamageType.PONDING: (4.0, 12.0),
    DamageType.DAMAGED_FLASHING: (15.0, 40.0),
    DamageType.SAGGING: (15.0, 45.0),
    DamageType.TREE_DAMAGE: (12.0, 35.0),
}
MINIMUM_VISIT_USD: Final = 300.0
# Replacing pays from here on: share of the cost, share of the area, years left, severity of a sag.
REPAIR_SHARE, AFFECTED_SHARE, YEARS_LEFT, SEVERE_SAG = 0.30, 0.25, 5, 70.0
RESALE_SHARES: Final = {RoofMaterial.METAL_STANDING_SEAM: 0.49}
RESALE_SHARE: Final = 0.61
REPAIRS_AVOIDED_PER_YEAR, AVOIDED_YEARS_AT_MOST = 0.15, 10
ROI_LIMIT: Final = 999.99
AGE_URGENCY_AT_MOST, TWO_SOURCES_BONUS = 80.0, 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage: how much of it in the unit it is priced by, and how bad (0 to 100)."""

    damage: DamageType
    quantity: float
    severity: float


@dataclass(frozen=True, slots=True)
class RepairCost:
    """Low and high in USD at local prices."""

    low: float
    high: float

    @property
    def mid(self) -> float:
        """The middle, for comparing."""
        return (self.low + self.high) / 2


def repair_cost(findings: Sequence[Finding], *, material: RoofMaterial, blend: float) -> RepairCost:
    """Cost of all repairs at the local blend of material and labour; a visit costs its minimum, nothing found nothing."""
    if not findings:
        return RepairCost(0.0, 0.0)
    low, high = (
        sum(finding.quantity * _unit_price(finding.damage, material)[end] for finding in findings) * blend
        for end in (0, 1)
    )
    return RepairCost(max(MINIMUM_VISIT_USD, low), max(MINIMUM_VISIT_USD, high))


def _unit_price(damage: DamageType, material: RoofMaterial) -> tuple[float, float]:
    """Hail is repaired by replacing the slope, so that it costs what a new roof costs per square foot."""
    if damage is DamageType.HAIL_DENTS:
        low, high = PRICES[material]
        return low / 100, high / 100
    return UNIT_PRICES[damage]


def should_replace(
    findings: Sequence[Finding],
    *,
    repair_mid: float,
    replace_mid: float,
    affected_share: float,
    years_left: float,
) -> bool:
    """Replace rather than repair: too dear, too much of the roof, too little life, or a severe sag."""
    sags = any(f.damage is DamageType.SAGGING and f.severity >= SEVERE_SAG for f in findings)
    too_dear = repair_mid > REPAIR_SHARE * replace_mid
    return too_dear or affected_share > AFFECTED_SHARE or years_left < YEARS_LEFT or sags


def roi_of_replacement(
    *, repair_mid: float, replace_mid: float, material: RoofMaterial, years_left: float
) -> float:
    """Percent gained or lost by replacing: repairs avoided plus resale value against the price."""
    if replace_mid <= 0:
        raise ValueError("a replacement costs something")
    years = min(AVOIDED_YEARS_AT_MOST, years_left) if years_left > 0 else AVOIDED_YEARS_AT_MOST
    avoided = repair_mid * (1 + REPAIRS_AVOIDED_PER_YEAR * years)
    resale = RESALE_SHARES.get(material, RESALE_SHARE) * replace_mid
    percent = (avoided + resale - replace_mid) / replace_mid * 100
    return round(max(-ROI_LIMIT, min(ROI_LIMIT, percent)), 2)


def urgency(
    *, damage: float, age_years: float, life_years: float, storm: float = 0.0, sources_agree: bool = False
) -> int:
    """0 to 100: the worst of damage (0-100), age and a storm of the last 90 days, more where two sources agree."""
    by_age = min(AGE_URGENCY_AT_MOST, 100.0 * age_years / life_years)
    worst = max(damage, by_age, storm) + (TWO_SOURCES_BONUS if sources_agree else 0.0)
    return round(max(0.0, min(100.0, worst)))
