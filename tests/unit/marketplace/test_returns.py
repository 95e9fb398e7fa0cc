"""Which leads come back, at every edge of the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.marketplace.domain.returns import (
    CAP_BELOW_MIN,
    CAP_MIN_SALES,
    REASONS,
    Check,
    FactKind,
    Record,
    ReturnNotPossible,
    SoldFacts,
    TooManyReturns,
    check_cap,
    check_evidence,
    check_window,
    find_reason,
    judge,
    most_returns,
)
from shared.errors import InvalidInput
from shared.schemas.enums import LeadClass
from shared.schemas.sale_enums import ReturnStatus

SOLD = datetime(2026, 11, 10, 3, tzinfo=UTC)


def sold(
    days: float = 1, lead_class: LeadClass = LeadClass.DATA, *known: Check, has_phone: bool = True
) -> SoldFacts:
    return SoldFacts(lead_class, SOLD, SOLD + timedelta(days=days), has_phone, frozenset(known))


def good_evidence(code: str) -> dict[str, Any]:
    example = {
        FactKind.DAY: "2026-11-10",
        FactKind.COUNT: 5,
        FactKind.SALE: "00000000-0000-4000-8000-000000000001",
    }
    return {
        fact.name: fact.choices[0] if fact.choices else example[fact.kind] for fact in REASONS[code].facts
    }


@pytest.mark.parametrize("code", REASONS)
def test_what_the_bank_takes_back_is_not_given_back_too(code: str) -> None:
    lead_class = next(iter(REASONS[code].windows))
    with pytest.raises(ReturnNotPossible, match="not given back twice"):
        check_window(REASONS[code], replace(sold(0, lead_class), disputed=True))


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("lead_class", LeadClass)
def test_a_window_includes_its_last_moment_and_nothing_behind_it(code: str, lead_class: LeadClass) -> None:
    reason = REASONS[code]
    days = reason.windows.get(lead_class)
    if days is None:
        with pytest.raises(ReturnNotPossible, match=f"class {lead_class}"):
            check_window(reason, sold(0, lead_class))
        return
    check_window(reason, sold(days, lead_class))
    with pytest.raises(ReturnNotPossible, match=f"{days} days"):
        check_window(reason, sold(days + 1e-9, lead_class))


@pytest.mark.parametrize(
    ("code", "classes"),
    [
        ("unreachable", {"responded", "appointment"}),
        ("no_show", {"appointment"}),
        ("not_owner", set(LeadClass)),
    ],
)
def test_what_nobody_promised_is_no_fault_of_the_lead(code: str, classes: set[str]) -> None:
    assert set(REASONS[code].windows) == classes


def test_a_number_that_was_not_sold_cannot_be_wrong() -> None:
    with pytest.raises(ReturnNotPossible, match="without a phone"):
        check_window(REASONS["wrong_number"], sold(has_phone=False))
    check_window(REASONS["not_owner"], sold(has_phone=False))


def test_an_unknown_reason_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="ugly_roof") as refused:
        find_reason("ugly_roof")
    assert refused.value.fields["known"] == sorted(REASONS)


@pytest.mark.parametrize("code", REASONS)
def test_every_fact_is_needed_and_no_other_is_taken(code: str) -> None:
    given = good_evidence(code)
    assert check_evidence(REASONS[code], given, sold()) == given
    for name in given:
        with pytest.raises(InvalidInput, match=name):
            check_evidence(REASONS[code], {k: v for k, v in given.items() if k != name}, sold())
    with pytest.raises(InvalidInput, match="photo"):
        check_evidence(REASONS[code], given | {"photo": "x"}, sold())


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("wrong_number", {"phone_result": "busy"}),
        ("wrong_number", {"phone_result": 3}),
        ("wrong_number", {"tried_on": "yesterday"}),
        ("wrong_number", {"tried_on": 20261110}),
        ("wrong_number", {"tried_on": "2026-11-08"}),
        ("wrong_number", {"tried_on": "2026-11-12"}),
        ("unreachable", {"attempts": 4}),
        ("unreachable", {"attempts": 101}),
        ("unreachable", {"attempts": "5"}),
        ("unreachable", {"attempts": True}),
        ("duplicate", {"earlier_sale_id": "the last one"}),
        ("duplicate", {"earlier_sale_id": 7}),
    ],
)
def test_a_fact_that_cannot_be_is_named(code: str, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))) as refused:
        check_evidence(REASONS[code], good_evidence(code) | change, sold())
    assert refused.value.fields["field"] == f"evidence.{next(iter(change))}"


def test_a_buyer_in_the_west_may_write_the_day_before_the_utc_day_of_the_sale() -> None:
    given = good_evidence("wrong_number") | {"tried_on": "2026-11-09"}
    assert check_evidence(REASONS["wrong_number"], given, sold())["tried_on"] == "2026-11-09"


@pytest.mark.parametrize(
    ("sales", "most"), [(0, 2), (1, 2), (9, 2), (10, 2), (14, 2), (15, 3), (19, 3), (20, 4), (100, 20)]
)
def test_a_fifth_of_the_leads_may_come_back_and_always_two(sales: int, most: int) -> None:
    assert most_returns(sales) == most
    check_cap(REASONS["not_owner"], Record(sales, most - 1))
    with pytest.raises(TooManyReturns, match=f"{most} of your {sales} leads"):
        check_cap(REASONS["not_owner"], Record(sales, most))


def test_what_is_our_own_fault_meets_no_cap() -> None:
    assert most_returns(CAP_MIN_SALES - 1) == CAP_BELOW_MIN
    for code in ("duplicate", "opted_out", "state_off"):
        check_cap(REASONS[code], Record(1, 50))


@pytest.mark.parametrize("code", [code for code, reason in REASONS.items() if reason.check])
def test_what_our_data_shows_is_accepted(code: str) -> None:
    reason = REASONS[code]
    assert reason.check is not None
    assert judge(reason, sold(1, LeadClass.DATA, reason.check)).status is ReturnStatus.ACCEPTED
    others = [check for check in Check if check is not reason.check]
    assert judge(reason, sold(1, LeadClass.DATA, *others)).status is reason.otherwise


def test_a_refusal_by_rule_always_says_why() -> None:
    for reason in REASONS.values():
        if reason.otherwise is ReturnStatus.REFUSED:
            assert judge(reason, sold()).why == reason.refused_because != ""


def test_no_other_reason_is_decided_without_an_operator() -> None:
    unchecked = {
        code for code, reason in REASONS.items() if judge(reason, sold()).status is ReturnStatus.OPEN
    }
    assert unchecked == set(REASONS) - {"duplicate", "state_off", "not_interested"}
