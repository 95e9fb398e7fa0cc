"""What a calibrated confidence allows (C-03); an edge belongs to the better band."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from shared.schemas.enums import ConfidenceBand

AUTO_FLOOR: Final = 0.95
ONSITE_FLOOR: Final = 0.70


def band_of(confidence: Decimal | float) -> ConfidenceBand:
    """The band of a calibrated confidence from 0 to 1."""
    if confidence >= AUTO_FLOOR:
        return ConfidenceBand.PUBLISH
    return ConfidenceBand.ONSITE_CHECK if confidence >= ONSITE_FLOOR else ConfidenceBand.REVIEW
