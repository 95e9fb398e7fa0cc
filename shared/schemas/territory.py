"""What two services know of territories: their words, and what they add to a lead's price."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

EXCLUSIVE_FACTOR: Final = Decimal("1.10")
"""A lead that one buyer is offered alone costs this many times its list price (S4-3.5.2)."""


class TerritoryKind(StrEnum):
    """What one buyer may hold alone."""

    CITY = "city"
    ZIP = "zip"
    CLUSTER = "cluster"


class TerritoryStatus(StrEnum):
    """How a wish for a territory stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    HELD = "held"
    ENDED = "ended"


class TerritoryEnd(StrEnum):
    """Why it ended."""

    RELEASED = "released"
    TAKEN_BACK = "taken_back"
    INACTIVE = "inactive"
    DECLINED = "declined"
    OFFER_RAN_OUT = "offer_ran_out"
    PLACE_GONE = "place_gone"
    TIER_TOO_SMALL = "tier_too_small"
