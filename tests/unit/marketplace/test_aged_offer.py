"""Orders of aged leads and what is suggested instead; the figures are those of the source document."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from services.marketplace.domain.aged_offer import Criterion, Order, alternatives, price_text
from shared.schemas.aged_enums import AgeBucket, AgedClass

GOLD, SIX, NINE = AgedClass.GOLD, AgeBucket.MONTH_6_TO_8, AgeBucket.MONTH_9_TO_11
PRICES = {(GOLD, SIX): 800, (GOLD, NINE): 600, (GOLD, AgeBucket.MONTH_3_TO_5): 1000}


def criterion(**changes: Any) -> Criterion:
    values: dict[str, Any] = {
        "classification": "Gold",
        "age_bucket": "MONTH_6_TO_8",
        "quantity": 50,
        "state": "LA",
    }
    return Criterion.model_validate(values | changes)


def test_the_documents_example() -> None:
    found = alternatives(
        criterion(), available=22, anywhere=324, by_bucket={NINE: 156, SIX: 22}, prices=PRICES
    )

    assert criterion().words() == "Gold MONTH_6_TO_8 state=LA qty=50"
    assert [one.model_dump() for one in found] == [
        {
            "description": "Purchase 22 available leads ($176.00)",
            "available_count": 22,
            "suggestion_type": "partial",
            "unit_price": "8.00",
            "total_price": "176.00",
        },
        {
            "description": "Remove location filter (324 available without LA filter)",
            "available_count": 324,
            "suggestion_type": "no_location_filter",
            "unit_price": "8.00",
            "total_price": "400.00",
        },
        {
            "description": "Try MONTH_9_TO_11 age bucket (156 available in LA)",
            "available_count": 156,
            "suggestion_type": "different_age_bucket",
            "unit_price": "6.00",
            "total_price": "300.00",
        },
    ]


def test_nothing_is_suggested_of_which_there_is_none() -> None:
    assert alternatives(criterion(), available=0, anywhere=0, by_bucket={}, prices=PRICES) == []
    nowhere = alternatives(criterion(state=None), available=3, anywhere=3, by_bucket={}, prices=PRICES)
    assert [one.suggestion_type for one in nowhere] == ["partial"]


def test_the_nearest_bucket_that_has_enough_goes_before_a_nearer_one_that_has_not() -> None:
    counts = {NINE: 49, AgeBucket.MONTH_3_TO_5: 50, AgeBucket.MONTH_24_PLUS: 500}
    (enough,) = alternatives(criterion(), available=0, anywhere=0, by_bucket=counts, prices=PRICES)
    (fullest,) = alternatives(criterion(), available=0, anywhere=0, by_bucket={NINE: 3}, prices=PRICES)

    assert enough.description == "Try MONTH_3_TO_5 age bucket (50 available in LA)"
    assert (fullest.available_count, fullest.total_price) == (3, "18.00")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1001}, "quantity"),
        ({"quantity": "5"}, "quantity"),
        ({"classification": "Bronze"}, "classification"),
        ({"age_bucket": "MONTH_1"}, "age_bucket"),
        ({"state": "ZZ"}, "state"),
        ({"state": None, "county": "Caddo"}, "a county needs its state"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_bad_criterion_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        criterion(**changes)


def test_one_purchase_takes_a_thousand_leads() -> None:
    half = criterion(quantity=500).model_dump()
    assert Order(client_id=uuid4(), criteria=[half, half]).quantity == 1000
    with pytest.raises(ValidationError, match="at most 1000"):
        Order(client_id=uuid4(), criteria=[half, half, criterion(quantity=1)])


@pytest.mark.parametrize(("cents", "words"), [(0, "0.00"), (5, "0.05"), (750, "7.50"), (123456, "1234.56")])
def test_money_leaves_as_text(cents: int, words: str) -> None:
    assert price_text(cents) == words
