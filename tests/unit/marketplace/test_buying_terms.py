"""Head starts and caps at their edges."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.marketplace.domain.buying_terms import Preferences, cap_reached


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
