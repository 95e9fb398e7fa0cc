"""What the forms of the fault suite judge."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.faults import marked
from tests.faults.chaos import RATIO_GOAL, Outcome, Storm
from tests.faults.fleet.suite import ROWS, chosen
from tests.faults.suites import CORE, judged

TESTS = Path(__file__).resolve().parents[2]
NOT_YET = {30}
"""A rolling deploy."""
CALM = Outcome(CORE, seconds=10.0)


def shaken(seconds: float, **violations: int) -> Outcome:
    return Outcome(Storm(200, seed=1), seconds=seconds, violations=violations)


@pytest.mark.parametrize(("seconds", "good"), [(40.0, True), (40.1, False)])
def test_a_run_under_faults_may_take_four_times_the_calm_one(seconds: float, good: bool) -> None:
    assert judged(1, CALM, shaken(seconds), RATIO_GOAL).ok is good


def test_the_short_form_waits_as_long_as_it_takes() -> None:
    assert judged(1, CALM, shaken(4000.0), inf).ok


def test_a_loss_is_red_however_quick() -> None:
    assert not judged(1, CALM, shaken(1.0, events=1), inf).ok


def test_rows_are_chosen_by_name() -> None:
    assert chosen("3, 11") == ["3", "11"]
    assert chosen("") == list(ROWS)


def test_a_row_that_is_none_ends_the_run_before_a_fleet_is_started() -> None:
    with pytest.raises(SystemExit, match="no row 99"):
        chosen("3,99")


def test_a_run_under_faults_is_not_given_up_sooner_than_a_calm_one() -> None:
    assert Storm(40).shaken(7, calm_seconds=1.0).patience >= Storm(40).patience


def test_every_row_of_the_list_is_a_test_or_breaks_the_fleet() -> None:
    assert set(marked.ROWS) | {int(name) for name in ROWS} == set(range(1, 33)) - NOT_YET


def test_every_mark_names_a_row_that_the_suite_reports() -> None:
    marks = [
        mark for path in TESTS.rglob("*.py") for mark in re.findall(r"mark\.fault\b(.*)", path.read_text())
    ]

    rows = [re.match(r"\((\d+)\)", mark) for mark in marks]
    assert {int(row[1]) if row else None for row in rows} == set(marked.ROWS)


def test_a_test_counts_for_the_row_it_is_marked_with() -> None:
    case = '<testcase name="{}"><properties><property name="fault" value="{}"/></properties></testcase>'
    report = fromstring(
        f"<testsuite>{case.format('a', 3)}{case.format('b', 3)}<testcase name='c'/></testsuite>"
    )

    found = marked.by_row(report)
    assert {row: [test.attrib["name"] for test in tests] for row, tests in found.items()} == {3: ["a", "b"]}
