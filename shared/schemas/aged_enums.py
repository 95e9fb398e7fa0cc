"""Words of aged leads."""

from __future__ import annotations

from enum import StrEnum


class AgedClass(StrEnum):
    """What a lead was worth when it came in; it never changes."""

    GOLD = "Gold"
    SILVER = "Silver"


class AgeBucket(StrEnum):
    """How old a lead is, in the months by which it is priced."""

    MONTH_3_TO_5 = "MONTH_3_TO_5"
    MONTH_6_TO_8 = "MONTH_6_TO_8"
    MONTH_9_TO_11 = "MONTH_9_TO_11"
    MONTH_12_TO_23 = "MONTH_12_TO_23"
    MONTH_24_PLUS = "MONTH_24_PLUS"
