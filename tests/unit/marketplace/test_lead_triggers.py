"""Many reports of one storm are one storm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.marketplace.domain.lead_triggers import ONE_STORM, storms_together
from services.marketplace.domain.sold_lead import LeadTrigger
from shared.schemas.enums import TriggerType

BEGAN = datetime(2026, 4, 14, 22, tzinfo=UTC)


def storm(after: timedelta, strength: int | None, kind: str = "hail") -> LeadTrigger:
    details = {"event_type": kind}
    return LeadTrigger(type=TriggerType.WEATHER_EVENT, date=BEGAN + after, strength=strength, details=details)


def told(*triggers: LeadTrigger) -> list[tuple[int | None, int]]:
    return [(each.strength, each.reports) for each in storms_together(triggers)]


@pytest.mark.parametrize(
    ("apart", "storms"), [(timedelta(), 1), (ONE_STORM, 1), (ONE_STORM + timedelta(seconds=1), 2)]
)
def test_reports_within_half_a_day_are_one_storm(apart: timedelta, storms: int) -> None:
    assert len(told(storm(timedelta(), 40), storm(apart, 90))) == storms


def test_the_strongest_report_stands_for_its_storm_with_their_number() -> None:
    assert told(storm(timedelta(), 40), storm(timedelta(hours=9), None), storm(timedelta(hours=18), 90)) == [
        (90, 3)
    ]


def test_hail_and_wind_of_one_night_are_two_reasons() -> None:
    assert told(storm(timedelta(), 40), storm(timedelta(), 90, "wind")) == [(40, 1), (90, 1)]


def test_what_is_no_storm_stays_as_it_is_and_where_it_stood() -> None:
    age = LeadTrigger(type=TriggerType.ROOF_AGE, date=BEGAN, strength=54, details=None)
    dateless = storm(timedelta(), 10).model_copy(update={"date": None})

    assert told(storm(timedelta(), 60), age, age, storm(timedelta(hours=1), 70), dateless, dateless) == [
        (70, 2), (54, 1), (54, 1), (10, 1), (10, 1),
    ]  # fmt: skip
    assert storms_together([]) == []
