"""What presses on a house, at its edges."""

from __future__ import annotations

import pytest

from services.lead_generator.domain import prospecting, triggers
from services.scraper.domain import neighborhood
from services.scraper.domain.neighborhood import Activity


@pytest.mark.parametrize(("permits", "urgency"), [(0, "normal"), (4, "normal"), (5, "high"), (30, "high")])
def test_five_reroofs_in_thirty_days_are_high_urgency(permits: int, urgency: str) -> None:
    assert Activity(permits, permits, permits, None, ()).urgency == urgency


def test_density_is_counted_over_the_circle_of_a_quarter_mile() -> None:
    assert Activity(0, 0, 10, None, ()).permits_per_square_mile == 50.9


def test_prospecting_and_triggers_look_as_far_and_as_long() -> None:
    assert neighborhood.RADIUS_MILES == prospecting.NEIGHBOR_RADIUS_MILES
    assert neighborhood.WINDOW_DAYS == prospecting.NEIGHBOR_WINDOW_DAYS
    assert neighborhood.HIGH_URGENCY_PERMITS == triggers.NEIGHBOR_MIN_PERMITS
