"""How the reasons to give a lead back stand for one bought lead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.marketplace.domain.return_views import reason_standing
from services.marketplace.domain.returns import REASONS, SoldFacts
from shared.schemas.enums import LeadClass

SOLD_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def sold(after: timedelta, *, phone: bool = True) -> SoldFacts:
    return SoldFacts(LeadClass.DATA, SOLD_AT, SOLD_AT + after, phone)


@pytest.mark.parametrize(
    ("after", "possible"),
    [(timedelta(), True), (timedelta(days=14), True), (timedelta(days=14, seconds=1), False)],
)
def test_a_reason_stands_until_its_last_moment(after: timedelta, possible: bool) -> None:
    standing = reason_standing(REASONS["not_owner"], sold(after))

    assert (standing.until == SOLD_AT + timedelta(days=14), standing.refused is None) == (possible, possible)


@pytest.mark.parametrize(
    ("reason", "phone", "words"),
    [("no_show", True, "does not come back for no_show"), ("wrong_number", False, "without a phone number")],
)
def test_a_reason_that_does_not_fit_says_why(reason: str, phone: bool, words: str) -> None:
    standing = reason_standing(REASONS[reason], sold(timedelta(), phone=phone))

    assert standing.until is None
    assert words in str(standing.refused)
