"""Every posting balances, and each account lies on its side."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.domain.ledger import (
    LEAST_CHARGE_CENTS,
    account_kind,
    account_owner,
    credit_account,
    credit_used,
    deferred_account,
    guarantee_postings,
    included_return_postings,
    included_sale_postings,
    loss_postings,
    period_end_postings,
    plan_paid_postings,
    refund_postings,
    return_postings,
    sale_postings,
)

BUYER = UUID(int=7)


@given(st.integers(min_value=1, max_value=10**9))
def test_debits_equal_credits(cents: int) -> None:
    for postings in (
        sale_postings(cents),
        sale_postings(cents, credit_cents=cents // 3, contractor_id=BUYER),
        sale_postings(cents, credit_cents=cents, contractor_id=BUYER),
        refund_postings(cents),
        loss_postings(cents, 0, BUYER),
        loss_postings(cents, cents // 3, BUYER),
        loss_postings(cents, cents, BUYER),
        return_postings(cents, BUYER),
        guarantee_postings(cents, BUYER),
        plan_paid_postings(cents, BUYER),
        included_sale_postings(cents, BUYER),
        included_return_postings(cents, BUYER),
        period_end_postings(cents // 3, cents - cents // 3, BUYER),
    ):
        assert sum(p.debit_cents for p in postings) == sum(p.credit_cents for p in postings) == cents


def test_a_return_turns_revenue_into_what_we_owe_its_buyer() -> None:
    debited, credited = return_postings(17_500, BUYER)
    assert (debited.account, credited.account) == ("revenue:leads", credit_account(BUYER))
    assert (account_kind(credited.account), account_owner(credited.account)) == ("liability", BUYER)
    assert (account_kind(debited.account), account_owner(debited.account)) == ("revenue", None)


@pytest.mark.parametrize(
    ("spendable", "used"),
    [
        (-5, 0),
        (0, 0),
        (1, 1),
        (17_449, 17_449),
        (17_450, 17_450),
        (17_451, 17_450),
        (17_499, 17_450),
        (17_500, 17_500),
    ],
)
def test_credit_leaves_nothing_to_charge_or_what_the_processor_takes(spendable: int, used: int) -> None:
    assert credit_used(17_500, spendable) == used
    assert 17_500 - used == 0 or 17_500 - used >= LEAST_CHARGE_CENTS


def test_a_price_below_the_least_charge_is_paid_wholly_one_way() -> None:
    assert [credit_used(40, spendable) for spendable in (39, 40)] == [0, 40]


def test_what_a_plan_paid_is_owed_until_it_is_earned() -> None:
    deferred = deferred_account(BUYER)
    assert (account_kind(deferred), account_owner(deferred)) == ("liability", BUYER)
    assert [p.account for p in plan_paid_postings(500, BUYER) if p.credit_cents] == [deferred]
    assert [p.account for p in included_sale_postings(500, BUYER)] == [deferred, "revenue:leads"]
    sold, back = included_sale_postings(500, BUYER), included_return_postings(500, BUYER)
    assert {(p.account, p.debit_cents) for p in sold} == {(p.account, p.credit_cents) for p in back}


def test_an_ended_period_owes_its_unused_leads_as_credit_and_earns_the_rest() -> None:
    postings = period_end_postings(300, 20, BUYER)
    assert [(p.account, p.debit_cents, p.credit_cents) for p in postings] == [
        (deferred_account(BUYER), 320, 0),
        (credit_account(BUYER), 0, 300),
        ("revenue:leads", 0, 20),
    ]
    assert len(period_end_postings(300, 0, BUYER)) == 2
    assert period_end_postings(0, 0, BUYER) == ()


@pytest.mark.parametrize(
    ("credit_cents", "changes"),
    [
        (0, {"revenue:leads": 17_500}),
        (17_500, {credit_account(BUYER): 17_500}),
        (10_000, {credit_account(BUYER): 10_000, "revenue:leads": 7_500}),
    ],
)
def test_a_loss_takes_credit_before_revenue(credit_cents: int, changes: dict[str, int]) -> None:
    postings = loss_postings(17_500, credit_cents, BUYER)
    assert {each.account: each.debit_cents for each in postings if each.debit_cents} == changes
    assert {each.account: each.credit_cents for each in postings if each.credit_cents} == {
        "stripe:clearing": 17_500
    }


def test_nothing_lost_posts_nothing() -> None:
    assert loss_postings(0, 0, BUYER) == ()
