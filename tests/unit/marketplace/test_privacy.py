"""Deadlines of privacy requests and what an operator may decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.marketplace.domain.privacy import (
    RULES,
    DecisionNotPossible,
    add_business_days,
    check_decision,
    due_at,
    first_status,
    stops_sale,
)
from shared.schemas.privacy_enums import PrivacyKind, PrivacyStatus

FRIDAY = datetime(2026, 12, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize("kind", [PrivacyKind.KNOW, PrivacyKind.DELETE, PrivacyKind.CORRECT])
def test_an_answer_is_owed_within_45_days(kind: PrivacyKind) -> None:
    assert due_at(kind, FRIDAY) == FRIDAY + timedelta(days=45)


def test_an_opt_out_has_15_business_days_and_daniels_law_10() -> None:
    assert due_at(PrivacyKind.OPT_OUT, FRIDAY) == datetime(2026, 12, 25, 15, tzinfo=UTC)
    assert due_at(PrivacyKind.DANIELS_LAW, FRIDAY) == datetime(2026, 12, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize("day", range(4, 11))
def test_a_business_day_later_is_never_a_weekend(day: int) -> None:
    start = datetime(2026, 12, day, 15, tzinfo=UTC)
    later = add_business_days(start, 1)
    assert later.weekday() < 5
    assert timedelta(days=1) <= later - start <= timedelta(days=3)


def test_every_kind_has_a_rule_and_only_what_is_done_at_once_is_closed_at_once() -> None:
    assert set(RULES) == set(PrivacyKind)
    closed = {kind for kind in PrivacyKind if first_status(kind) is PrivacyStatus.CARRIED_OUT}
    assert closed == {PrivacyKind.OPT_OUT, PrivacyKind.DANIELS_LAW}


def test_what_stops_a_sale_and_the_browsers_signal_makes_one_of_every_kind() -> None:
    stopping = {kind for kind in PrivacyKind if stops_sale(kind, gpc=False)}
    assert stopping == {PrivacyKind.OPT_OUT, PrivacyKind.DELETE, PrivacyKind.DANIELS_LAW}
    assert stops_sale(PrivacyKind.DANIELS_LAW, gpc=True) == "protected_person"
    assert all(stops_sale(kind, gpc=True) for kind in PrivacyKind)


def test_only_a_deletion_ends_in_an_erasure_and_by_nothing_else_but_refusal() -> None:
    received = PrivacyStatus.RECEIVED
    assert check_decision("erase", PrivacyKind.DELETE, received, extended=False) is PrivacyStatus.ERASING
    assert check_decision("refuse", PrivacyKind.DELETE, received, extended=False) is PrivacyStatus.REFUSED
    assert check_decision("complete", PrivacyKind.KNOW, received, extended=False) is PrivacyStatus.CARRIED_OUT
    for decision, kind in (("erase", PrivacyKind.KNOW), ("complete", PrivacyKind.DELETE)):
        with pytest.raises(DecisionNotPossible):
            check_decision(decision, kind, received, extended=False)  # type: ignore[arg-type]


def test_a_deadline_is_extended_once_and_only_where_the_law_knows_an_extension() -> None:
    received = PrivacyStatus.RECEIVED
    assert check_decision("extend", PrivacyKind.KNOW, received, extended=False) is received
    for kind, extended in ((PrivacyKind.KNOW, True), (PrivacyKind.COMPLAINT, False)):
        with pytest.raises(DecisionNotPossible):
            check_decision("extend", kind, received, extended=extended)


@pytest.mark.parametrize("status", [PrivacyStatus.ERASING, PrivacyStatus.CARRIED_OUT, PrivacyStatus.REFUSED])
@pytest.mark.parametrize("decision", ["erase", "complete", "refuse", "extend"])
def test_what_is_decided_stays_decided(decision: str, status: PrivacyStatus) -> None:
    with pytest.raises(DecisionNotPossible):
        check_decision(decision, PrivacyKind.DELETE, status, extended=False)  # type: ignore[arg-type]
