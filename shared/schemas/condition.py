"""The visual condition of a roof on one scale (C-18, G-13)."""

from __future__ import annotations

from typing import Final

from shared.schemas.enums import DamageType, RoofCondition

# G-13: excellent 0 ... critical 100; a class begins half-way from its better neighbour.
CONDITION_INDEX: Final = {
    RoofCondition.EXCELLENT: 0.0,
    RoofCondition.GOOD: 25.0,
    RoofCondition.FAIR: 50.0,
    RoofCondition.POOR: 75.0,
    RoofCondition.CRITICAL: 100.0,
}
CONDITION_CUTS: Final = (
    (12.5, RoofCondition.EXCELLENT),
    (37.5, RoofCondition.GOOD),
    (62.5, RoofCondition.FAIR),
    (87.5, RoofCondition.POOR),
)
# Severity of a damage = share of the roof it covers x weight x 100, capped at 100 (G-13; weights HOUSE).
SEVERITY_WEIGHTS: Final = {
    DamageType.MISSING_SHINGLES: 5.0,
    DamageType.CURLED_LIFTED: 2.5,
    DamageType.MOSS_ALGAE: 1.0,
    DamageType.RUST_STAINS: 1.5,
    DamageType.HAIL_DENTS: 2.5,
    DamageType.CRACKED_TILES: 4.0,
    DamageType.PONDING: 3.0,
    DamageType.DAMAGED_FLASHING: 6.0,
    DamageType.SAGGING: 8.0,
    DamageType.TREE_DAMAGE: 8.0,
}

# G-40: hail bruises show at a centimetre a pixel, never from a satellite or a plane.
HAIL_VISIBLE_GSD_M: Final = 0.01


def condition_index(condition: RoofCondition) -> float:
    """The condition as a number from 0 (excellent) to 100 (critical)."""
    return CONDITION_INDEX[condition]


def condition_of(index: float) -> RoofCondition:
    """The class of a number from 0 to 100; a cut point belongs to the worse class."""
    for cut, condition in CONDITION_CUTS:
        if index < cut:
            return condition
    return RoofCondition.CRITICAL


def damage_severity(damage: DamageType, *, area_share: float) -> float:
    """Severity 0 to 100 of a damage that covers this share (0 to 1) of the roof."""
    share = min(1.0, max(0.0, area_share))
    return min(100.0, 100.0 * share * SEVERITY_WEIGHTS[damage])
