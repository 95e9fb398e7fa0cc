"""What happens to an analysis by its calibrated confidence (C-03)."""

from __future__ import annotations

from enum import StrEnum

from shared.schemas.confidence import band_of
from shared.schemas.enums import ConfidenceBand


class Gate(StrEnum):
    """Which way an analysis goes."""

    PASS = "pass"  # noqa: S105 - a way, no secret
    ONSITE_CHECK = "onsite_check"
    REVIEW = "review"


def gate_of(confidence: float, *, allow_onsite_check: bool, familiar: bool = True) -> Gate:
    """The way of an analysis by its band; unfamiliar pictures always go to a person."""
    band = band_of(confidence)
    if familiar and band is ConfidenceBand.PUBLISH:
        return Gate.PASS
    if familiar and band is ConfidenceBand.ONSITE_CHECK and allow_onsite_check:
        return Gate.ONSITE_CHECK
    return Gate.REVIEW
