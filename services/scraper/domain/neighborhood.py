"""What goes on around a house: re-roofs within a quarter mile (S4-3.1.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

RADIUS_MILES: Final = 0.25
WINDOW_DAYS: Final = 90
HIGH_URGENCY_PERMITS: Final = 5
TRENDING_CONTRACTORS: Final = 5
AREA_SQUARE_MILES: Final = math.pi * RADIUS_MILES**2


class Urgency(StrEnum):
    """How much the neighbours' roofs press on a house."""

    HIGH = "high"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Activity:
    """Re-roofs around a house in the last 30, 60 and 90 days, what they cost, and who did most of them."""

    permits_30d: int
    permits_60d: int
    permits_90d: int
    average_value_usd: Decimal | None
    trending_contractors: Sequence[dict[str, Any]]

    @property
    def permits_per_square_mile(self) -> float:
        """How dense the re-roofs of the last 90 days lie."""
        return round(self.permits_90d / AREA_SQUARE_MILES, 1)

    @property
    def urgency(self) -> Urgency:
        """High from five re-roofs in 30 days on."""
        return Urgency.HIGH if self.permits_30d >= HIGH_URGENCY_PERMITS else Urgency.NORMAL
