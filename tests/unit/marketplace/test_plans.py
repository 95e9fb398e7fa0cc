"""What a plan's invoice pays for, what a period leaves, and which prices are none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.marketplace.domain.plans import (
    NewPlanPrice,
    PaidPeriod,
    charged_now,
    leads_paid,
    refund_of,
    unused_value,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PRICE: dict[str, Any] = {
    "code": "starter",
    "monthly_cents": 50000,
    "included_leads": 10,
    "grace_days": 3,
    "reason": "prices",
}


@pytest.mark.parametrize(
    ("cents", "leads"),
    [(50000, 10), (49999, 9), (50001, 10), (99999, 10), (5000, 1), (4999, 0), (0, 0), (-5000, 0)],
)
def test_an_invoice_pays_for_whole_leads_and_never_for_more_than_are_included(cents: int, leads: int) -> None:
    assert leads_paid(cents, unit_cents=5000, included=10) == leads


@given(st.integers(1, 10**7), st.integers(1, 10**5), st.integers(1, 1000))
def test_what_a_period_leaves_and_what_it_sold_is_what_was_paid(
    amount: int, unit: int, included: int
) -> None:
    leads = leads_paid(amount, unit_cents=unit, included=included)
    for sold in (0, leads // 2, leads):
        unused, rest = unused_value(leads, sold, unit_cents=unit, amount_cents=amount)
        assert unused + rest + sold * unit == amount
        assert min(unused, rest) >= 0


def test_only_a_dearer_plan_is_charged_at_once() -> None:
    assert charged_now(50000, 50001)
    assert not charged_now(50000, 50000)
    assert not charged_now(50000, 49999)


@pytest.mark.parametrize(("usable", "left"), [(True, 5), (False, 0)])
def test_leads_left_are_neither_bought_nor_held(*, usable: bool, left: int) -> None:
    period = PaidPeriod(
        id=UUID(int=1),
        starts_at=NOW,
        ends_at=NOW,
        amount_cents=50000,
        leads=10,
        unit_cents=5000,
        bought=3,
        held=2,
        usable=usable,
        closed_at=None,
    )
    assert period.left == left


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"monthly_cents": 50001}, "multiple of included_leads"),
        ({"valid_from": "2027-01-01T00:00:00"}, "time zone"),
        ({"code": "gold"}, "code"),
        ({"grace_days": 31}, "grace_days"),
        ({"reason": "x"}, "reason"),
        ({"included_leads": 0}, "included_leads"),
    ],
)
def test_a_price_that_is_none_is_refused_by_name(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        NewPlanPrice.model_validate(PRICE | change)
    assert NewPlanPrice.model_validate(PRICE).monthly_cents == 50000


@pytest.mark.parametrize(
    ("before", "total", "used", "lost"),
    [
        (0, 1000, 0, (1000, 0, 8)),
        (0, 1001, 0, (1001, 0, 7)),
        (1000, 1000, 0, (0, 0, 8)),
        (1000, 900, 0, (0, 0, 8)),
        (0, 5000, 4, (3000, 2000, 4)),
        (0, 9000, 0, (5000, 0, 0)),
        (1000, 5000, 8, (0, 4000, 8)),
    ],
)
def test_a_refund_takes_unused_leads_first(
    before: int, total: int, used: int, lost: tuple[int, int, int]
) -> None:
    gone = {"refunded": before, "taken_back": before}
    found = refund_of(total, amount=5000, leads=10, used=used, unit=500, is_open=True, **gone)
    assert (found.deferred_cents, found.revenue_cents, found.leads) == lost


def test_a_closed_period_owes_no_leads_so_that_its_refund_is_revenue_lost() -> None:
    found = refund_of(1000, amount=5000, refunded=0, taken_back=0, leads=10, used=0, unit=500, is_open=False)
    assert (found.deferred_cents, found.revenue_cents) == (0, 1000)
