"""What an operator reads of a deadline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.cli.privacy import words_for


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=44, hours=3), "44 d"),
        (timedelta(days=5), "5 d"),
        (timedelta(days=4, hours=23), "4 d, urgent"),
        (timedelta(0), "0 d, urgent"),
        (timedelta(seconds=-1), "LATE by 1 d"),
        (timedelta(days=-3), "LATE by 3 d"),
    ],
)
def test_a_deadline_is_urgent_in_its_last_five_days_and_late_the_second_after(
    left: timedelta, words: str
) -> None:
    assert words_for(left) == words
