"""What a plan's invoice pays for, what a period leaves, and which prices are none."""

from __future__ import annotations

from dataclasses import replace
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
    PeriodMoney,
    charged_now,
    freed_by,
    leads_paid,
    paid_back_of,
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


def period(**changes: Any) -> PeriodMoney:
    """Ten leads of 5 USD, open, nothing gone."""
    stand = {"amount": 5000, "gone": 0, "taken_back": 0, "leads": 10, "used": 0, "unit": 500, "is_open": True}
    return PeriodMoney(**(stand | changes))


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
    stand = period(gone=before, taken_back=before, used=used, leads=10 - before // 500)
    found = refund_of(total - before, stand)
    assert (found.deferred_cents, found.revenue_cents, found.leads) == lost


def test_a_closed_period_owes_no_leads_so_that_its_refund_is_revenue_lost() -> None:
    found = refund_of(1000, period(is_open=False))
    assert (found.deferred_cents, found.revenue_cents, found.leads) == (0, 1000, 10)


@pytest.mark.parametrize(
    ("gone", "taken_back", "used", "freed"),
    [
        (5000, 4500, 0, (500, -500, 0)),
        (4700, 4500, 0, (200, -200, 0)),
        (4500, 4500, 0, (0, 0, 1)),
        (5000, 4000, 1, (500, -500, 1)),
        (0, 0, 0, (0, 0, 10)),
    ],
)
def test_a_lead_that_was_not_bought_after_all_was_what_the_refund_paid_back(
    gone: int, taken_back: int, used: int, freed: tuple[int, int, int]
) -> None:
    stand = period(gone=gone, taken_back=taken_back, used=used, leads=(5000 - taken_back) // 500)
    found = freed_by(stand)
    assert (found.deferred_cents, found.revenue_cents, found.leads) == freed


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(("gone", "covered"), [(0, 0), (300, 300), (500, 500), (5000, 500)])
def test_what_went_back_of_a_lead_is_not_credited_again(gone: int, covered: int, *, is_open: bool) -> None:
    assert paid_back_of(period(gone=gone, used=9, is_open=is_open)).deferred_cents == covered


@given(st.data())
def test_whatever_happens_to_a_period_no_cent_goes_back_twice(data: st.DataObject) -> None:
    bought, held = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 4))
    now = period(used=bought + held)
    for act in data.draw(st.lists(st.sampled_from(["refund", "fail", "return"]), max_size=25)):
        if act == "refund":
            fresh = data.draw(st.integers(0, 6000))
            change = refund_of(fresh, now)
            now = replace(now, gone=now.gone + change.deferred_cents + change.revenue_cents)
        elif act == "fail" and held:
            held -= 1
            now = replace(now, used=bought + held)
            change = freed_by(now)
        elif act == "return" and bought:
            bought -= 1
            now = replace(now, used=bought + held)
            change = paid_back_of(now)
        else:
            continue
        now = replace(now, taken_back=now.taken_back + change.deferred_cents, leads=change.leads)
        claimable = now.leads - now.used
        assert claimable >= 0
        assert 0 <= now.taken_back <= now.gone <= now.amount
        assert now.gone + claimable * now.unit <= now.amount
