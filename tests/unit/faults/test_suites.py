"""What the forms of the fault suite judge."""

from __future__ import annotations

from math import inf

import pytest

from tests.faults.chaos import RATIO_GOAL, Outcome, Storm
from tests.faults.fleet.suite import ROWS, chosen
from tests.faults.suites import CORE, judged

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
