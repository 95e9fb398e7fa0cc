"""Every posting balances, and each account lies on its side."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.domain.ledger import (
    account_kind,
    account_owner,
    credit_account,
    guarantee_postings,
    refund_postings,
    return_postings,
    sale_postings,
)

BUYER = UUID(int=7)


@given(st.integers(min_value=1, max_value=10**9))
def test_debits_equal_credits(cents: int) -> None:
    for postings in (
        sale_postings(cents),
        refund_postings(cents),
        return_postings(cents, BUYER),
        guarantee_postings(cents, BUYER),
    ):
        assert sum(p.debit_cents for p in postings) == sum(p.credit_cents for p in postings) == cents


def test_a_return_turns_revenue_into_what_we_owe_its_buyer() -> None:
    debited, credited = return_postings(17_500, BUYER)
    assert (debited.account, credited.account) == ("revenue:leads", credit_account(BUYER))
    assert (account_kind(credited.account), account_owner(credited.account)) == ("liability", BUYER)
    assert (account_kind(debited.account), account_owner(debited.account)) == ("revenue", None)
