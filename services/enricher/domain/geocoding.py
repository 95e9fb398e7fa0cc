"""How far a geocoder's match may be trusted, and what an address must have to be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.schemas.enums import MatchLevel

# By accuracy for an exact match; one that the geocoder had to alter loses so much that it places no house.
CONFIDENCES: Final[Mapping[str, float]] = {
    "rooftop": 0.98,
    "parcel": 0.95,
    "point": 0.95,
    "interpolated": 0.80,
}
ALTERED: Final = 0.30
SURE: Final = 0.70
"""From here on a match places a house; below it is kept, marked, and used for nothing."""


def match_level(*, exact: bool) -> MatchLevel:
    """Whether the address was taken as it stood."""
    return MatchLevel.EXACT if exact else MatchLevel.NON_EXACT


def match_confidence(accuracy: str, *, exact: bool) -> float:
    """0 to 1: how sure it is that the point is that house."""
    return round(CONFIDENCES[accuracy] - (0 if exact else ALTERED), 2)
