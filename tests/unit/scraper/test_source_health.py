"""What predicts rows, what a lost column is, and which light a source gets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.scraper.domain.source_health import (
    Asked,
    KnownRow,
    Run,
    expected_rows,
    judge_known,
    judge_reading,
    judge_source,
    lost_columns,
    new_columns,
    unexpected_zero,
)
from shared.schemas.enums import ReadingKind, ReadingStatus, SourceLight

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
NOBODY: tuple[list[str], list[str], int] = ([], [], 0)


def run(rows: int = 100, *, window: int | None = 30, days_ago: int = 1, good: bool = True) -> Run:
    began = NOW - timedelta(days=days_ago)
    status = ReadingStatus.GOOD if good else ReadingStatus.FAILED
    light = SourceLight.GREEN if good else SourceLight.RED
    return Run(
        "s",
        ReadingKind.PERMITS,
        status,
        began,
        window,
        rows,
        light=light,
        newest_on=began.date(),
        ended_at=began,
    )


def history(*rows: int, window: int | None = 30) -> list[Run]:
    return [run(count, window=window, days_ago=at + 1) for at, count in enumerate(rows)]


def test_the_median_of_good_readings_predicts_and_one_wild_night_does_not_move_it() -> None:
    assert expected_rows(history(40, 44, 4000), 30, NOW.date()) == 44
    assert expected_rows([*history(40, 44, 48), run(0, good=False)], 30, NOW.date()) == 44


def test_two_readings_predict_nothing_and_a_whole_reading_says_nothing_of_a_month() -> None:
    assert expected_rows(history(40, 44), 30, NOW.date()) is None
    assert expected_rows(history(9000, 9000, 9000, window=None), 30, NOW.date()) is None
    assert expected_rows(history(9000, 9100, 9200, window=None), None, NOW.date()) == 9100


def test_windows_of_weeks_are_compared_by_their_length() -> None:
    assert expected_rows(history(30, 30, 30, window=30), 60, NOW.date()) == 60


def test_a_window_of_a_day_is_compared_with_its_own_weekday() -> None:
    friday = date(2026, 11, 20)
    week = [run(0 if n % 7 in (5, 6) else 50, window=1, days_ago=n) for n in range(1, 29)]
    counts = {day: expected_rows(week, 1, friday + timedelta(days=day)) for day in range(7)}
    assert Counter(counts.values()) == {0.0: 2, 50.0: 5}


@pytest.mark.parametrize(
    ("expected", "sampled", "words"),
    [
        (44.0, 0, "no row came where the readings before predict 44"),
        (4.0, 0, None),
        (None, 0, None),
        (None, 3, "no row came, though the source check saw 3 before the reading"),
    ],
)
def test_zero_is_a_failure_only_where_rows_were_predicted(
    expected: float | None, sampled: int, words: str | None
) -> None:
    assert unexpected_zero(expected, sampled) == words


def test_a_column_that_every_row_had_is_missed_after_three_rows() -> None:
    before, read = {"number": 200, "work": 200}, {"number"}
    assert lost_columns(read, before, 200, {"number_v2": 3, "work": 3}, 3) == ["number"]
    assert lost_columns(read, before, 200, {"work": 1}, 1) == []
    assert lost_columns(read, before, 200, {"number": 1}, 500) == []
    assert lost_columns(read, before, 200, {}, 0) == []


def test_a_column_that_few_rows_had_may_stay_away_for_long() -> None:
    before = {"done_on": 10}
    assert lost_columns({"done_on"}, before, 200, {}, 100) == []
    assert lost_columns({"done_on"}, before, 200, {}, 300) == ["done_on"]


def test_a_new_column_is_one_that_was_not_merely_empty_before() -> None:
    assert new_columns({"number": 200}, 200, {"number": 50, "rare": 1, "shape": 50}, 50) == ["shape"]
    assert new_columns({}, 0, {"number": 50}, 50) == []


KNOWN = [KnownRow("A-1", "aa", date(2026, 11, 1)), KnownRow("A-2", "bb", date(2026, 10, 1))]


def test_known_rows_outside_the_window_are_not_asked_for() -> None:
    assert judge_known(KNOWN, date(2026, 10, 15), {"A-1": {"aa", "other row of it"}}) == ([], [], 1)
    assert judge_known(KNOWN, None, {"A-1": {"xx"}}) == (["A-2"], ["A-1"], 2)


def test_when_no_known_row_is_as_it_was_the_source_was_replaced() -> None:
    assert judge_reading(run(), 100, (["A-1"], ["A-2"], 2), ()).light is SourceLight.RED
    one = judge_reading(run(), 100, (["A-1"], [], 2), ())
    assert (one.light, one.reasons) == (SourceLight.AMBER, ("of 2 known rows 1 are gone and 0 changed",))


def test_far_fewer_rows_and_mostly_refused_rows_are_amber_and_a_new_column_is_a_note() -> None:
    assert judge_reading(run(10), 100, NOBODY, ()).light is SourceLight.AMBER
    assert judge_reading(run(25), 100, NOBODY, ()).light is SourceLight.GREEN
    assert judge_reading(replace(run(100), rejected=60), 100, NOBODY, ()).light is SourceLight.AMBER
    feet = judge_reading(run(100), 100, NOBODY, (), misplaced=60)
    assert feet.reasons == ("60 of 100 rows give a point that is none: zero, or no degrees",)
    noted = judge_reading(run(100), 100, NOBODY, ("shape",))
    assert (noted.light, noted.notes) == (SourceLight.GREEN, ("new column: shape",))


ASKED = Asked("s", ReadingKind.PERMITS, freshness_days=30)


def test_the_light_of_a_source() -> None:
    def light(asked: Asked, *runs: Run) -> tuple[str, str]:
        found = judge_source(asked, runs, NOW)
        return found.light.value, "; ".join(found.reasons)

    assert light(ASKED, run()) == ("green", "")
    assert light(replace(ASKED, idle="not asked, blocked"), run()) == ("idle", "not asked, blocked")
    assert light(ASKED) == ("amber", "never read")
    failed = replace(run(good=False, days_ago=1), reasons=("column missing: a",))
    assert light(ASKED, failed, run(days_ago=2)) == ("red", "column missing: a")
    assert light(ASKED, run(days_ago=4)) == ("amber", "the last good reading is 4 days old")
    assert light(ASKED, run(days_ago=9)) == ("red", "the last good reading is 9 days old")
    stale = replace(run(), newest_on=date(2026, 9, 1))
    assert light(ASKED, stale) == ("amber", "the newest row is 80 days old, 30 are allowed")
    refused = replace(ASKED, checked_at=NOW, check_reasons=("the feed is empty",))
    assert light(refused, run()) == ("red", "the feed is empty")
    assert light(replace(refused, checked_at=NOW - timedelta(days=3)), run()) == ("green", "")
    parcels = replace(ASKED, kind=ReadingKind.PARCELS, freshness_days=None)
    assert light(parcels, run(days_ago=90)) == ("green", "")
    again = replace(run(days_ago=0), status=ReadingStatus.READING, ended_at=None, light=None)
    assert light(ASKED, again, failed, run(days_ago=2)) == ("red", "column missing: a"), "while it is retried"
    stuck = replace(run(days_ago=2), status=ReadingStatus.READING, ended_at=None, light=None)
    assert light(ASKED, stuck, run(days_ago=3))[0] == "amber"
