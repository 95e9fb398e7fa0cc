"""The form of outcomes: amounts as they are typed, and what it offers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.marketplace.domain.outcomes import OutcomeView
from services.marketplace.pages.outcomes import AGO, TITLES, cents, shown
from shared.errors import InvalidInput
from shared.schemas.sale_enums import SaleOutcome

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "found"),
    [("12500", 1_250_000), (" $12,500.50 ", 1_250_050), ("0.01", 1), ("1000000", 100_000_000)],
)
def test_amounts_are_read_as_people_type_them(typed: str, found: int) -> None:
    assert cents(typed) == found


@pytest.mark.parametrize("typed", ["", "a lot", "0", "-5", "1.005", "1000000.01", "NaN", "Infinity"])
def test_what_is_no_amount_is_named(typed: str) -> None:
    with pytest.raises(InvalidInput, match="amount"):
        cents(typed)


def told(outcome: SaleOutcome, hours: int) -> OutcomeView:
    values = {"method": None, "amount_cents": None, "lost_reason": None, "stars": None, "note": None}
    at = NOW - timedelta(hours=hours)
    return OutcomeView(id=uuid4(), sale_id=uuid4(), outcome=outcome, happened_at=at, created_at=at, **values)


def test_only_what_may_follow_and_can_have_been_is_offered() -> None:
    fresh = shown([], sold_at=NOW - timedelta(hours=3), now=NOW)
    assert [each.outcome for each in fresh["choices"]] == ["attempted", "contacted", "lost"]
    assert list(fresh["ago"]) == [0, 1, 3]
    later = shown([told(SaleOutcome.CONTACTED, 30), told(SaleOutcome.QUOTED, 2)], sold_at=NOW, now=NOW)
    assert [each.outcome for each in later["choices"]] == ["quoted", "won", "lost"]
    assert list(later["ago"]) == [0, 1]
    assert shown([told(SaleOutcome.WON, 1)], sold_at=NOW, now=NOW)["choices"] == []
    assert set(TITLES) == set(SaleOutcome)
    assert AGO[0] == "Just now"
