"""What damage a house's pictures prove, and what they cannot show (G-13, G-40; domain/roofing.md 1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.schemas.condition import HAIL_VISIBLE_GSD_M, damage_severity
from shared.schemas.enums import DamageType, WeatherEventType
from shared.schemas.roof_evidence import PictureEvidence, SeenDamage

STORM_DAMAGES: Final = {
    WeatherEventType.HAIL: frozenset({DamageType.HAIL_DENTS, DamageType.CRACKED_TILES}),
    WeatherEventType.WIND: frozenset(
        {DamageType.MISSING_SHINGLES, DamageType.CURLED_LIFTED, DamageType.TREE_DAMAGE}
    ),
    WeatherEventType.TORNADO: frozenset({DamageType.MISSING_SHINGLES, DamageType.TREE_DAMAGE}),
    WeatherEventType.HURRICANE: frozenset({DamageType.MISSING_SHINGLES, DamageType.TREE_DAMAGE}),
}
"""Which damages a storm may have done."""


@dataclass(frozen=True, slots=True)
class StormOverHouse:
    """The storm that speaks most for a house."""

    kind: WeatherEventType
    began_on: date
    strength: int
    """0 to 100, by size, distance and age."""


@dataclass(frozen=True, slots=True)
class HouseDamage:
    """What all pictures together prove, by kind of damage."""

    shares: Mapping[DamageType, float]
    """Of the roof, as the picture that shows most of it has it."""
    severities: Mapping[DamageType, float]
    confidence: float | None
    """Mean of the detections that count; None without any."""

    @property
    def severity(self) -> float:
        """0 to 100 of all damages together."""
        return min(100.0, sum(self.severities.values()))

    @property
    def share(self) -> float:
        """The damaged share of the roof."""
        return min(1.0, sum(self.shares.values()))


def shows(damage: DamageType, gsd_m: float | None) -> bool:
    """Whether a picture of this resolution can prove this damage; an unknown resolution proves no hail."""
    if damage is not DamageType.HAIL_DENTS:
        return True
    return gsd_m is not None and gsd_m <= HAIL_VISIBLE_GSD_M


def house_damage(pictures: Iterable[PictureEvidence]) -> HouseDamage:
    """The proven damages of a house: of each kind what the most telling picture shows."""
    shares: dict[DamageType, float] = {}
    confidences: list[float] = []
    for picture in pictures:
        confidences += [found.confidence for found in picture.damages]
        for damage, share in _shares(picture.damages).items():
            shares[damage] = max(share, shares.get(damage, 0.0))
    severities = {
        damage: round(damage_severity(damage, area_share=share), 2) for damage, share in shares.items()
    }
    mean = sum(confidences) / len(confidences) if confidences else None
    return HouseDamage(shares, severities, mean)


def cautions(
    pictures: Sequence[PictureEvidence], storm: StormOverHouse | None, *, marks_like_hail: bool
) -> list[str]:
    """What a reader must know before he takes the pictures for more than they show."""
    said: list[str] = []
    looked_at = [picture for picture in pictures if picture.refused is None]
    if marks_like_hail:
        said.append(
            "storm exposure: marks that may be hail, on pictures too coarse to show it; not hail damage"
        )
    if storm is None:
        return said
    if storm.kind is WeatherEventType.HAIL and not any(_sees_hail(picture) for picture in looked_at):
        said.append("storm exposure: hail was reported here; these pictures cannot show what it did")
    dated = [picture.capture_date for picture in looked_at if picture.capture_date is not None]
    if not any(captured >= storm.began_on for captured in dated):
        said.append(
            f"no picture is known to be younger than the {storm.kind} of {storm.began_on}: none shows its damage"
        )
    return said


def storm_is_seen(
    pictures: Iterable[PictureEvidence], storm: StormOverHouse | None, damage: HouseDamage
) -> bool:
    """Whether a picture taken after the storm proves a damage that such a storm does."""
    if storm is None:
        return False
    after = [
        picture
        for picture in pictures
        if picture.capture_date is not None and picture.capture_date >= storm.began_on
    ]
    proven = {found.damage for picture in after for found in picture.damages} & set(damage.shares)
    return bool(proven & STORM_DAMAGES[storm.kind])


def _sees_hail(picture: PictureEvidence) -> bool:
    return shows(DamageType.HAIL_DENTS, picture.gsd_m)


def _shares(seen: Iterable[SeenDamage]) -> dict[DamageType, float]:
    shares: defaultdict[DamageType, float] = defaultdict(float)
    for found in seen:
        shares[found.damage] += found.area_share
    return {damage: min(1.0, share) for damage, share in shares.items()}
