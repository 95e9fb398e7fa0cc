"""What happens to an analysis by its calibrated confidence (C-03)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

AUTO_FLOOR: Final = 0.95
ONSITE_FLOOR: Final = 0.70


class Gate(StrEnum):
    """Which way an analysis goes."""

    PASS = "pass"  # noqa: S105 - a way, no secret
    ONSITE_CHECK = "onsite_check"
    REVIEW = "review"


def gate_of(confidence: float, *, allow_onsite_check: bool, familiar: bool = True) -> Gate:
    """The way of an analysis; an edge belongs to the better band, unfamiliar pictures always go to a person."""
    if not familiar:
        return Gate.REVIEW
    if confidence >= AUTO_FLOOR:
        return Gate.PASS
    if confidence >= ONSITE_FLOOR and allow_onsite_check:
        return Gate.ONSITE_CHECK
    return Gate.REVIEW
