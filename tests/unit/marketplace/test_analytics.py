"""What leads cost and brought: shares, months, bars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.marketplace.domain.analytics import analytics_report, figures, first_month, month_names
from services.marketplace.pages.charts import HEIGHT, WIDTH, pairs
from services.marketplace.pages.words import NOTHING, span, tenths, times

NOW = datetime(2026, 2, 3, 6, tzinfo=UTC)


def row(by: str, **changes: Any) -> dict[str, Any]:
    counted = {
        "by": by, "month": None, "grade": None, "city": None, "state": None, "bought": 10, "came_back": 2,
        "spent_cents": 140_000, "contacted": 6, "quoted": 4, "won": 2, "revenue_cents": 1_540_000,
        "first_contact_minutes": 42.04, "days_to_close": 11.26, "stars": None, "rated": 0,
    }  # fmt: skip
    return counted | changes


def test_jobs_are_of_the_leads_that_were_kept_and_the_guarantee_is_taken_off_the_whole() -> None:
    rows = [row("all"), row("grade", grade="A"), row("city", city="Harrow", state="TX")]
    report = analytics_report(rows, guarantee_cents=40_000, now=NOW, months=2)
    assert (report.total.conversion, report.net_cents) == (0.25, 100_000)
    assert report.total.roi == 14.4  # 15,400 less 1,000, in 1,000
    assert [(each.name, each.roi) for each in (*report.by_grade, *report.by_city)] == [
        ("A", 10.0),
        ("Harrow, TX", 10.0),
    ]
    assert (report.total.first_contact_minutes, report.total.days_to_close) == (42.0, 11.3)


@pytest.mark.parametrize(
    ("changes", "conversion", "roi"),
    [
        ({"bought": 2, "came_back": 2, "spent_cents": 0, "won": 0, "revenue_cents": 0}, None, None),
        ({"won": 0, "revenue_cents": 0}, 0.0, -1.0),
        ({"won": 8, "revenue_cents": 140_000}, 1.0, 0.0),
    ],
)
def test_what_has_no_whole_has_no_share(
    changes: dict[str, Any], conversion: float | None, roi: float | None
) -> None:
    found = figures("all", row("all", **changes))
    assert (found.conversion, found.roi) == (conversion, roi)


def test_a_year_turns_and_a_month_without_leads_is_there() -> None:
    assert first_month(NOW, 1) == datetime(2026, 2, 1, tzinfo=UTC)
    assert first_month(NOW, 2) == datetime(2026, 1, 1, tzinfo=UTC)
    assert first_month(NOW, 15) == datetime(2024, 12, 1, tzinfo=UTC)
    assert month_names(NOW, 4) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    report = analytics_report([row("month", month=date(2026, 1, 1))], guarantee_cents=0, now=NOW, months=3)
    assert [(each.name, each.bought) for each in report.by_month] == [
        ("2025-12", 0),
        ("2026-01", 10),
        ("2026-02", 0),
    ]
    assert (report.total.bought, report.total.stars) == (0, None)


def test_bars_stand_on_one_ground_and_the_highest_fills_the_picture() -> None:
    drawn = pairs([("a", 4, 0), ("b", 2, 1)])
    assert drawn.most == 4
    heights = [each.height for pair in drawn.pairs for each in (pair.first, pair.second)]
    assert heights == [HEIGHT, 0.0, HEIGHT / 2, HEIGHT / 4]
    for pair in drawn.pairs:
        assert pair.first.y + pair.first.height == HEIGHT
        assert pair.first.x + pair.first.width == pytest.approx(pair.second.x, abs=0.02)
    assert drawn.pairs[-1].second.x + drawn.pairs[-1].second.width <= WIDTH
    assert [pair.first.height for pair in pairs([("a", 0, 0)]).pairs] == [0.0]
    assert pairs([]).pairs == []


def test_figures_read_as_people_say_them() -> None:
    assert [span(minutes) for minutes in (None, -1, 0.4, 59.6, 60, 61, 1440, 1500, 3_000)] == [
        NOTHING, "0 min", "0 min", "1 h", "1 h", "1 h 1 min", "1 d", "1 d 1 h", "2 d 2 h",
    ]  # fmt: skip
    assert (tenths(0.2575), tenths(None), times(14.44), times(None)) == ("25.8%", NOTHING, "14.4 x", NOTHING)
