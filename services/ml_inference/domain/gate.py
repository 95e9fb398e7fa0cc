"""What happens to an analysis by its calibrated confidence (C-03)."""

from __future__ import annotations

from enum import StrEnum

from shared.schemas.confidence import band_of
from shared.schemas.enums import ConfidenceBand
from shared.schemas.review_enums import Maturity


class Gate(StrEnum):
    """Which way an analysis goes."""

    PASS = "pass"  # noqa: S105 - a way, no secret
    ONSITE_CHECK = "onsite_check"
    REVIEW = "review"


def gate_of(
    confidence: float,
    *,
    allow_onsite_check: bool,
    maturity: Maturity,
    familiar: bool = True,
    doubts: bool = False,
) -> Gate:
    """The way of an analysis by its band; unfamiliar pictures always go to a person.

    Nothing passes by itself where the models are not yet proven or a stage of the validation speaks against it:
    the next lower way is taken.
    """
    band = band_of(confidence)
    if not familiar or band is ConfidenceBand.REVIEW:
        return Gate.REVIEW
    if band is ConfidenceBand.PUBLISH and maturity is Maturity.VALIDATED and not doubts:
        return Gate.PASS
    return Gate.ONSITE_CHECK if allow_onsite_check else Gate.REVIEW
