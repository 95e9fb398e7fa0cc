"""Phone numbers in one form, and what the do-not-call registry lets us say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.enricher.domain.dnc import DncStatus, NotTheRegistry, dnc_status, read_registry
from services.enricher.domain.phones import area_code, e164

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("(214) 555-0100", "+12145550100"),
        ("+1 214 555 0100", "+12145550100"),
        ("214.555.0100 ext 7", "+12145550100"),
        ("800-555-1212", None),
        ("900-555-1212", None),
        ("+44 20 7946 0958", None),
        ("416-555-0100", None),
        ("555-0100", None),
        ("call me", None),
        ("", None),
    ],
)
def test_only_a_number_of_a_us_household_has_a_form(given: str, expected: str | None) -> None:
    assert e164(given) == expected


def test_the_area_code_is_the_first_three_digits_of_the_number() -> None:
    assert area_code("+12145550100") == "214"


@pytest.mark.parametrize(
    ("listed", "days", "expected"),
    [
        (False, 0, DncStatus.CLEAR),
        (False, 31, DncStatus.CLEAR),
        (False, 31.001, DncStatus.STALE),
        (False, None, DncStatus.NO_SUBSCRIPTION),
        (True, 0, DncStatus.LISTED),
        (True, None, DncStatus.LISTED),
    ],
)
def test_a_number_is_clear_by_a_registry_of_at_most_31_days(
    listed: bool, days: float | None, expected: DncStatus
) -> None:
    version = None if days is None else NOW - timedelta(days=days)
    assert dnc_status(listed=listed, registry_version_at=version, now=NOW, max_days=31) is expected


def test_full_and_change_lists_are_told_by_their_columns() -> None:
    full = list(read_registry(["214,5550100", "", "325,5550101 "]))
    assert [(row.number, row.listed) for row in full] == [("+12145550100", True), ("+13255550101", True)]
    change = list(read_registry(["214,5550100,2026-11-20,A", "214,5550101,2026-11-20,D"]))
    assert [row.listed for row in change] == [True, False]


@pytest.mark.parametrize(
    "lines",
    [
        ["2145550100"],
        ["214,555010"],
        ["214,5550100,2026-11-20,X"],
        ["area code,number"],
        ["214,5550100", "214,5550101,2026-11-20,A"],
        ["<dnc>"],
    ],
)
def test_a_line_of_another_form_refuses_the_file(lines: list[str]) -> None:
    with pytest.raises(NotTheRegistry, match="line"):
        list(read_registry(lines))
