"""Head starts and caps at their edges."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.marketplace.domain.buying_terms import Preferences, cap_reached, wait_minutes
from shared.schemas.enums import SubscriptionTier

STARTER, PRO, ENTERPRISE = SubscriptionTier


@pytest.mark.parametrize(
    ("tier", "others", "minutes"),
    [
        (STARTER, [], 0),
        (None, [STARTER], 0),
        (None, [PRO], 15),
        (STARTER, [PRO], 15),
        (STARTER, [PRO, ENTERPRISE], 30),
        (PRO, [STARTER, PRO], 0),
        (PRO, [ENTERPRISE], 15),
        (ENTERPRISE, [ENTERPRISE, PRO], 0),
    ],
)
def test_nobody_waits_longer_than_the_best_other_tier_is_ahead(
    tier: SubscriptionTier | None, others: list[SubscriptionTier], minutes: int
) -> None:
    assert wait_minutes(tier, others) == minutes


@pytest.mark.parametrize(
    ("caps", "today", "week", "reached"),
    [
        ({}, 1000, 1000, None),
        ({"daily_cap": 3}, 2, 50, None),
        ({"daily_cap": 3}, 3, 3, "3 a day"),
        ({"daily_cap": 0}, 0, 0, "0 a day"),
        ({"weekly_cap": 5}, 4, 4, None),
        ({"weekly_cap": 5}, 0, 5, "5 a week"),
        ({"daily_cap": 3, "weekly_cap": 5}, 3, 5, "3 a day"),
    ],
)
def test_a_cap_is_reached_when_no_more_fits(
    caps: dict[str, int], today: int, week: int, reached: str | None
) -> None:
    assert cap_reached(Preferences(**caps), today=today, this_week=week) == reached


@pytest.mark.parametrize(
    "wrong",
    [
        {"preferred_score_min": 101},
        {"preferred_score_min": 80, "preferred_score_max": 79},
        {"daily_cap": -1},
        {"weekly_cap": 10_001},
        {"monthly_cap": 3},
    ],
)
def test_preferences_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Preferences(**wrong)
