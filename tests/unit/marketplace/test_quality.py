"""Rates with intervals: what is said, and from how many leads on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.marketplace.domain.quality import MIN_REPORTED, borders, quality_report, rate
from shared.schemas.enums import Grade

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
COUNTS = {"sold": 90, "came_back": 4, "reported": 60, "contacted": 45, "ripe": MIN_REPORTED - 1, "won": 9}


def test_a_rate_of_too_few_leads_is_not_said() -> None:
    few, enough = rate(9, MIN_REPORTED - 1), rate(9, MIN_REPORTED)
    assert (few.enough, few.hits, few.share, few.low, few.high) == (False, None, None, None, None)
    assert (enough.enough, enough.hits, enough.share) == (True, 9, 0.3)


def test_every_grade_is_there_and_leads_without_one_count_in_all_alone() -> None:
    rows: list[dict[str, Any]] = [
        {"grade": "B", "whole": False, **COUNTS},
        {"grade": None, "whole": False, **COUNTS, "sold": 5},
        {"grade": None, "whole": True, **COUNTS, "sold": 95},
    ]
    report = quality_report(iter(rows), NOW)
    assert [(band.grade, band.sold) for band in report.bands] == [
        (Grade.A, 0),
        (Grade.B, 90),
        (Grade.C, 0),
        (Grade.D, 0),
    ]
    assert (report.total.grade, report.total.sold) == (None, 95)
    assert report.bands[1].contact.share == 0.75
    assert not report.bands[1].win.enough


def test_without_leads_every_number_is_zero() -> None:
    report = quality_report([], NOW)
    assert {band.sold for band in (*report.bands, report.total)} == {0}
    assert not report.total.win.enough


def test_a_year_of_leads_has_had_its_time() -> None:
    ends = borders(NOW)
    assert ends["win_until"] - ends["since"] == timedelta(days=365)
    assert ends["contact_until"] == NOW - timedelta(days=14)
