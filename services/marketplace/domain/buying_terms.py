"""When a buyer sees a new lead, and how many leads it lets itself buy (G-10, G-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.schemas.enums import SubscriptionTier

HEAD_START_MINUTES: Final[Mapping[SubscriptionTier, int]] = {
    SubscriptionTier.ENTERPRISE: 30,
    SubscriptionTier.PROFESSIONAL: 15,
}
"""How much earlier than everybody a tier sees a new lead."""
MOST_A_WEEK: Final = 10_000


class Preferences(BaseModel):
    """Which leads a buyer wants to be offered, and how many it buys at most; nothing set means no limit."""

    model_config = ConfigDict(extra="forbid")

    preferred_score_min: Annotated[int | None, Field(ge=0, le=100)] = None
    preferred_score_max: Annotated[int | None, Field(ge=0, le=100)] = None
    daily_cap: Annotated[int | None, Field(ge=0, le=MOST_A_WEEK)] = None
    weekly_cap: Annotated[int | None, Field(ge=0, le=MOST_A_WEEK)] = None

    @model_validator(mode="after")
    def range_is_in_order(self) -> Preferences:
        """The lowest wanted score is not above the highest."""
        low, high = self.preferred_score_min, self.preferred_score_max
        if low is not None and high is not None and low > high:
            raise ValueError("preferred_score_min: is above preferred_score_max")
        return self


class PreferencesView(Preferences):
    """The same with how much of the caps is used; days and weeks are the buyer's own, a week begins on Monday."""

    bought_today: int
    bought_this_week: int
    time_zone: str
    cap_reached: str | None


def cap_reached(wanted: Preferences, *, today: int, this_week: int) -> str | None:
    """The cap that leaves no room for one more lead, in words; None where there is room."""
    if wanted.daily_cap is not None and today >= wanted.daily_cap:
        return f"{wanted.daily_cap} a day"
    if wanted.weekly_cap is not None and this_week >= wanted.weekly_cap:
        return f"{wanted.weekly_cap} a week"
    return None
