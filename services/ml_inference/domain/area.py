"""How large a roof is: from its mask in a picture from above, else from the living area (domain/roofing.md 1)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.ml_inference.domain.costs import DEFAULT_PITCH, PITCH_AREA, roof_area_sqft

SQFT_PER_SQUARE_METRE: Final = 10.7639
SURE_MASK: Final = 0.6
"""A segmentor less sure of the roof's pixels does not measure it."""
PLAUSIBLE: Final = (0.4, 2.5)
"""A mask so many times the size that the living area tells of is another roof, or half of this one."""


@dataclass(frozen=True, slots=True)
class RoofArea:
    """Square feet of roof surface, and every term they rest on."""

    sqft: int
    source: str
    """`mask`, or `estimated` from the living area, good to about 15 %."""
    pitch: int
    multiplier: float
    plan_sqft: float
    gsd_m: float | None = None
    mask_share: float | None = None
    """Of the picture."""
    confidence: float | None = None

    def terms(self) -> dict[str, Any]:
        """The area as JSON, terms included."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MaskFromAbove:
    """A roof's mask in a picture from above: its share of the picture and what the picture covers."""

    share: float
    width_px: int
    height_px: int
    gsd_m: float
    confidence: float

    @property
    def plan_sqft(self) -> float:
        """What the mask covers on the ground."""
        return self.share * self.width_px * self.height_px * self.gsd_m**2 * SQFT_PER_SQUARE_METRE


def area_multiplier(pitch: int) -> float:
    """Roof surface by area on the ground."""
    return PITCH_AREA.get(pitch, math.sqrt(1 + (pitch / 12) ** 2))


def roof_area(
    mask: MaskFromAbove | None,
    *,
    living_sqft: int | None,
    stories: float | None,
    pitch: int = DEFAULT_PITCH,
) -> RoofArea | None:
    """The area by the mask where it can be trusted, else by the living area; None where neither is known."""
    multiplier = area_multiplier(pitch)
    estimated = roof_area_sqft(living_sqft, stories, pitch) if living_sqft and living_sqft > 0 else None
    if mask is not None and mask.confidence >= SURE_MASK:
        sqft = round(mask.plan_sqft * multiplier)
        if sqft > 0 and (not estimated or PLAUSIBLE[0] <= sqft / estimated <= PLAUSIBLE[1]):
            plan = round(mask.plan_sqft, 1)
            return RoofArea(
                sqft, "mask", pitch, multiplier, plan, mask.gsd_m, round(mask.share, 5), mask.confidence
            )
    if not estimated:
        return None
    return RoofArea(estimated, "estimated", pitch, multiplier, round(estimated / multiplier, 1))
