"""Registrations as a data broker at the edges of their days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.marketplace.domain.registrations import (
    LAWS,
    Filing,
    RegistrationView,
    Standing,
    check_filing,
    renewals_line,
    standing,
    state_views,
)
from shared.compliance.policy import policy_at
from shared.errors import InvalidInput

TODAY = date(2026, 11, 23)
FILING = Filing("TX", "TX-1", TODAY, TODAY + timedelta(days=365), "Letter of the Secretary of State")


def held(first: int, last: int, *, withdrawn: bool = False, state: str = "TX") -> RegistrationView:
    """A registration from and until these days from today."""
    filed_on, expires_on = TODAY + timedelta(days=first), TODAY + timedelta(days=last)
    return RegistrationView(
        id=uuid4(),
        state=state,
        number="TX-1",
        filed_on=filed_on,
        expires_on=expires_on,
        note=None,
        sandbox=False,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        withdrawn_at=None,
        withdrawn_note=None,
        standing=standing(filed_on, expires_on, TODAY, withdrawn=withdrawn),
    )


def test_every_state_that_the_rule_of_sale_names_has_its_law_here() -> None:
    assert LAWS.keys() == set(
        policy_at(datetime(2026, 11, 23, tzinfo=UTC)).sale["broker_registration_states"]
    )


@pytest.mark.parametrize(
    ("first", "last", "worth"),
    [
        (0, 61, Standing.IN_FORCE),
        (0, 60, Standing.RUNS_OUT_SOON),
        (-365, 0, Standing.RUNS_OUT_SOON),
        (-365, -1, Standing.EXPIRED),
        (1, 365, Standing.NOT_BEGUN),
    ],
)
def test_a_registration_counts_from_its_first_to_its_last_day(first: int, last: int, worth: Standing) -> None:
    assert held(first, last).standing is worth


def test_a_withdrawn_registration_counts_on_no_day() -> None:
    assert held(-1, 365, withdrawn=True).standing is Standing.WITHDRAWN


@pytest.mark.parametrize(
    ("records", "worth", "until"),
    [
        ([], Standing.MISSING, None),
        ([(-400, -1)], Standing.EXPIRED, None),
        ([(-300, 10)], Standing.RUNS_OUT_SOON, 10),
        ([(-300, 10), (11, 376)], Standing.IN_FORCE, 376),
        ([(-300, 10), (12, 376)], Standing.RUNS_OUT_SOON, 10),
        ([(1, 376)], Standing.MISSING, None),
    ],
)
def test_a_state_sells_while_registrations_follow_without_a_gap(
    records: list[tuple[int, int]], worth: Standing, until: int | None
) -> None:
    (found,) = state_views(["TX"], [held(*days) for days in records] + [held(-9, 900, state="CA")], TODAY)

    assert (found.standing, found.sells) == (worth, until is not None)
    assert found.until == (None if until is None else TODAY + timedelta(days=until))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (replace(FILING, state="TN"), "state: TN"),
        (replace(FILING, expires_on=TODAY - timedelta(days=1)), "before the day of registration"),
        (
            replace(FILING, filed_on=TODAY - timedelta(days=9), expires_on=TODAY - timedelta(days=1)),
            "run out already",
        ),
        (replace(FILING, expires_on=date(2036, 11, 23)), "three years"),
    ],
)
def test_what_cannot_be_a_registration_is_refused_by_name(wrong: Filing, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        check_filing(wrong, LAWS, TODAY)


def test_a_registration_may_be_recorded_on_its_last_day() -> None:
    check_filing(replace(FILING, expires_on=TODAY), LAWS, TODAY)


def test_the_desk_is_reminded_of_what_runs_out_and_of_what_has_run_out() -> None:
    records = [held(-300, 60), held(-300, 61, state="CA"), held(-400, -1, state="VT")]

    line = renewals_line(state_views(LAWS, records, TODAY))

    assert (line.count, line.late) == (2, 1)
    assert line.due_at == datetime(2027, 1, 23, tzinfo=UTC)


def test_the_desk_is_not_reminded_of_states_where_nothing_was_ever_filed() -> None:
    assert renewals_line(state_views(LAWS, [], TODAY)).count == 0
