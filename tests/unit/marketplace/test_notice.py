"""What a buyer is told of a storm at a house it knows."""

from __future__ import annotations

from datetime import date

import pytest

from services.marketplace.domain.notice import storm_words


@pytest.mark.parametrize(
    ("miles", "where"),
    [(0.0, "over the house"), (0.01, "0.01 miles from the house"), (1.5, "1.50 miles from the house")],
)
def test_a_storms_notice_names_day_distance_and_source(miles: float, where: str) -> None:
    words = storm_words("hail", date(2026, 11, 18), miles, "lsr")

    assert words.startswith(f"Hail on 2026-11-18, {where}, reported by lsr. ")
    assert words.endswith("its roof may need another look.")
