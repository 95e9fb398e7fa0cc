"""Promo codes: what one may be, and who may redeem it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from services.marketplace.domain.promos import MOST_CREDIT_CENTS, Fault, NewPromo, fault_of

GOOD: dict[str, Any] = {
    "code": "SPRING-26",
    "credit_cents": 5000,
    "most": 10,
    "valid_until": "2027-01-01T00:00:00Z",
    "reason": "spring fair",
}


def test_a_code_is_kept_in_capitals_without_spaces_around_it() -> None:
    assert NewPromo.model_validate(GOOD | {"code": "  spring-26\n"}).code == "SPRING-26"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "ABC"},
        {"code": "A" * 41},
        {"code": "SPRING 26"},
        {"code": "ÄPFEL"},
        {"code": 1234},
        {"credit_cents": 0},
        {"credit_cents": MOST_CREDIT_CENTS + 1},
        {"most": 0},
        {"valid_until": "2027-01-01T00:00:00"},
        {"reason": "no"},
        {"extra": 1},
    ],
)
def test_what_is_no_code_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewPromo.model_validate(GOOD | wrong)


def test_the_first_reason_is_told_and_only_a_good_wish_has_none() -> None:
    good: dict[str, Any] = {"live": True, "redeemed": False, "left": 1, "new_buyers": True, "bought": False}
    assert fault_of(**good) is None
    assert fault_of(**good | {"redeemed": True, "live": False}) is Fault.REDEEMED
    assert fault_of(**good | {"live": False, "left": 0}) is Fault.OVER
    assert fault_of(**good | {"left": 0, "bought": True}) is Fault.USED_UP
    assert fault_of(**good | {"bought": True}) is Fault.NOT_NEW
    assert fault_of(**good | {"bought": True, "new_buyers": False}) is None


@pytest.mark.parametrize(("live", "redeemed", "left"), list(product([True, False], [True, False], [0, 1])))
def test_nobody_redeems_what_has_ended_is_used_up_or_was_redeemed(
    live: bool, redeemed: bool, left: int
) -> None:
    found = fault_of(live=live, redeemed=redeemed, left=left, new_buyers=False, bought=True)
    assert (found is None) == (live and not redeemed and left > 0)
