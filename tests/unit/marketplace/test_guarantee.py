"""The guarantee at every edge of its terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.domain.guarantee import (
    JOB_DAYS,
    Facts,
    Standing,
    bounds,
    cap_cents,
    credit_cents,
    jobs_promised,
    standing,
    terms,
)
from services.marketplace.domain.returns import REASONS

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Facts(leads=20, tried=18, ended=18, won=3, spent_cents=350_000)


@pytest.mark.parametrize(
    ("change", "cents"),
    [
        ({}, 17_500),
        ({"won": 4}, 0),
        ({"won": 5}, 0),
        ({"won": 2}, 35_000),
        ({"won": 0}, 70_000),
        ({"leads": 19}, 0),
        ({"tried": 17}, 0),
        ({"ended": 17}, 0),
        ({"leads": 21, "tried": 19, "ended": 19, "spent_cents": 100_001}, 2 * 100_001 // 21),
        ({"leads": 21, "tried": 18, "ended": 19}, 0),
    ],
)
def test_the_average_price_of_each_missing_job_comes_back_when_every_term_is_met(
    change: dict[str, int], cents: int
) -> None:
    assert credit_cents(replace(GOOD, **change)) == cents


def test_every_term_says_what_it_needs_and_what_there_is() -> None:
    shown = [(term.name, term.needed, term.have, term.met) for term in terms(replace(GOOD, tried=17))]
    assert shown == [
        ("leads_bought", 20, 20, True),
        ("leads_tried_in_time", 18, 17, False),
        ("leads_with_an_end_reported", 18, 18, True),
    ]


@pytest.mark.parametrize(("leads", "jobs"), [(0, 0), (1, 1), (5, 1), (6, 2), (20, 4), (21, 5), (25, 5)])
def test_a_fifth_is_rounded_up(leads: int, jobs: int) -> None:
    assert jobs_promised(leads) == jobs


@given(
    leads=st.integers(0, 500), tried=st.integers(0, 500), won=st.integers(0, 500), spent=st.integers(0, 10**8)
)
def test_no_period_brings_more_than_half_of_what_was_paid(
    leads: int, tried: int, won: int, spent: int
) -> None:
    facts = Facts(leads, tried, leads, won, spent)
    assert 0 <= credit_cents(facts) <= cap_cents(facts) <= spent


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (FIRST, Standing.COLLECTING),
        (FIRST + 90 * DAY - timedelta(microseconds=1), Standing.COLLECTING),
        (FIRST + 90 * DAY, Standing.WAITING),
        (FIRST + 180 * DAY - timedelta(microseconds=1), Standing.WAITING),
        (FIRST + 180 * DAY, Standing.DUE),
    ],
)
def test_a_period_is_due_when_its_last_lead_had_its_time(now: datetime, found: Standing) -> None:
    assert standing(FIRST, 0, now, open_returns=0, settled=False) is found
    assert standing(FIRST, 0, now, open_returns=0, settled=True) is Standing.SETTLED


def test_an_open_return_holds_a_settlement_up() -> None:
    assert standing(FIRST, 0, FIRST + 400 * DAY, open_returns=1, settled=False) is Standing.WAITING


def test_periods_follow_each_other_without_a_gap() -> None:
    assert bounds(FIRST, 1)[0] == bounds(FIRST, 0)[1] == FIRST + 90 * DAY


def test_no_lead_comes_back_after_its_period_is_due() -> None:
    assert max(days for reason in REASONS.values() for days in reason.windows.values()) <= JOB_DAYS
