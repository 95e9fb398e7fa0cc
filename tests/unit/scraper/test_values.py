from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.domain.values import (
    clean_text,
    cost_dollars,
    damage_dollars,
    date_of,
    is_plausible_day,
    point_of,
    zip5_of,
)

CENTRAL = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("10.00K", 10_000), ("1.00M", 1_000_000), ("250M", 250_000_000), (".03K", 30), ("0", 0), ("06", 6), ("3", 3),
     ("1.6B", 1_600_000_000), ("0K", 0)],
)  # fmt: skip
def test_damage_texts_of_ncei_become_dollars(text: str, dollars: int) -> None:
    assert damage_dollars(text) == Decimal(dollars)


@pytest.mark.parametrize("text", ["", " ", None, "K", "unknown"])
def test_empty_damage_is_unknown_and_not_zero(text: str | None) -> None:
    assert damage_dollars(text) is None


@pytest.mark.parametrize("cost", ["0", "1", "", None, "$0.00", 1])
def test_a_clerks_zero_or_one_is_an_unknown_cost(cost: object) -> None:
    assert cost_dollars(cost) is None


def test_costs_keep_their_cents_behind_dollar_signs_and_commas() -> None:
    assert cost_dollars("$20,000.50") == Decimal("20000.50")


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-06-30", date(2026, 6, 30)),
        ("2026-01-05T00:00:00.000", date(2026, 1, 5)),
        ("2014-08-20 11:02:00", date(2014, 8, 20)),
        ("03/22/2016", date(2016, 3, 22)),
        ("8/9/2025", date(2025, 8, 9)),
        (1681189200000, date(2023, 4, 11)),
        ("1681189200000", date(2023, 4, 11)),
        ("13/45/2020", None),
        ("28-APR-50 14:45:00", None),
        ("soon", None),
        (None, None),
    ],
)
def test_days_are_read_from_every_form_the_portals_use(cell: object, day: date | None) -> None:
    assert date_of(cell, CENTRAL) == day


def test_an_evening_in_epoch_milliseconds_is_the_local_day() -> None:
    assert date_of(1_700_017_200_000, CENTRAL) == date(2023, 11, 14)  # 03:00Z on the 15th


def test_midnight_utc_is_a_bare_date_and_not_the_evening_before() -> None:
    assert date_of(1_700_006_400_000, CENTRAL) == date(2023, 11, 15)


def test_1950_read_as_2050_is_not_plausible() -> None:
    assert not is_plausible_day(date(2050, 4, 28), date(2026, 11, 22))
    assert is_plausible_day(date(1950, 4, 28), date(2026, 11, 22))


@pytest.mark.parametrize(
    "pair",
    [
        (0, 0),
        (10_101_234.5, 3_112_000.2),
        (-97.7, 30.2),
        (None, None),
        ("", ""),
        (91, -80),
        (52.5, 13.4),
        ("x", "y"),
        ("nan", "nan"),
    ],
)
def test_points_outside_the_united_states_are_missing(pair: tuple[object, object]) -> None:
    assert point_of(*pair) is None


def test_a_point_keeps_its_order() -> None:
    assert point_of("36.13", "-86.79") == (36.13, -86.79)


@pytest.mark.parametrize(
    ("text", "zip5"),
    [("37212", "37212"), ("78724.0", "78724"), ("60616-", "60616"), ("949546846", "94954"), ("60616-1234", "60616"),
     ("0", None), ("00000", None), ("", None)],
)  # fmt: skip
def test_zips_survive_spreadsheets(text: str, zip5: str | None) -> None:
    assert zip5_of(text) == zip5


def test_dashes_and_white_space_are_made_one() -> None:
    assert clean_text("PERMIT \u2013  EXPRESS\tPERMIT\n") == "PERMIT - EXPRESS PERMIT"
    assert clean_text(" \n") is None


@given(st.text())
def test_clean_text_is_stable_and_can_be_stored(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned is None or (clean_text(cleaned) == cleaned and "\x00" not in cleaned)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("7/16\u00e2\u20ac\u009d 4\u00e2\u20ac\u2122 osb", "7/16\u201d 4\u2019 osb"),
        ("Changeout \u00e2\u20ac\u201c replace", "Changeout - replace"),
        ("Jos\u00c3\u00a9 Ave", "Jos\u00e9 Ave"),
        ("Jos\u00e9 \u00c2ngela", "Jos\u00e9 \u00c2ngela"),
        ("IDF\u00bfS", "IDF\u00bfS"),
    ],
)
def test_utf_8_that_was_read_as_windows_1252_is_mended(text: str, mended: str) -> None:
    assert clean_text(text) == mended
