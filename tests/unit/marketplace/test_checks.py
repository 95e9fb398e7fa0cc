"""The checklist of a buyer: what an operator may say, how long it holds, what is missing in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from services.marketplace.domain.checks import (
    CHECKS,
    FAULT_WORDS,
    RECHECK,
    Verdict,
    checked_since,
    credential_faults,
    item_views,
    judge_verdict,
    overdue,
    words_of,
)
from shared.compliance.policy import policy_at
from shared.compliance.sell import BuyerFacts, buyer_faults
from shared.errors import InvalidInput
from shared.schemas.buyer_enums import CheckItem, CheckValue

NOW = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
TODAY = NOW.date()
PAPER = uuid4()
MICROSECOND = timedelta(microseconds=1)


def row(item: CheckItem, days: int = 0, value: CheckValue = CheckValue.VERIFIED) -> SimpleNamespace:
    """A decided item."""
    decided_at = NOW - timedelta(days=days)
    return SimpleNamespace(
        item=item, value=value, about="", expires_on=None, decided_at=decided_at, note="seen"
    )


def test_the_rules_of_the_checklist_are_those_of_a_sale() -> None:
    policy = policy_at(NOW)
    assert timedelta(days=policy.sale["buyer_recheck_days"]) == RECHECK
    assert set(policy.sale["buyer_licence_states"]) == CHECKS[CheckItem.LICENCE].passing
    nothing = BuyerFacts(
        credentialed=False, licence_status="unknown", identity_verified=False, agreement_version=None,
        us_entity=False, checked_at=None, insured_until=None, frozen=True,
    )  # fmt: skip
    assert set(buyer_faults(nothing, policy, NOW)) | {"unknown"} == set(FAULT_WORDS)
    assert {check.fault for check in CHECKS.values()} <= set(FAULT_WORDS)
    assert set(CHECKS) == set(CheckItem)


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        (CheckItem.LICENCE, Verdict(CheckValue.ACTIVE, "n", TODAY)),
        (CheckItem.LICENCE, Verdict(CheckValue.NOT_REQUIRED, "n")),
        (CheckItem.LICENCE, Verdict(CheckValue.EXPIRED, "n", TODAY - timedelta(days=1))),
        (CheckItem.LICENCE, Verdict(CheckValue.UNKNOWN, "n")),
        (CheckItem.INSURANCE, Verdict(CheckValue.VERIFIED, "n", TODAY, PAPER)),
        (CheckItem.INSURANCE, Verdict(CheckValue.FAILED, "n")),
        (CheckItem.IDENTITY, Verdict(CheckValue.VERIFIED, "n", None, PAPER)),
        (CheckItem.US_ENTITY, Verdict(CheckValue.VERIFIED, "n", None, PAPER)),
    ],
)
def test_what_an_operator_may_say(item: CheckItem, verdict: Verdict) -> None:
    judge_verdict(item, verdict, TODAY)


@pytest.mark.parametrize(
    ("item", "verdict", "named"),
    [
        (CheckItem.LICENCE, Verdict(CheckValue.VERIFIED, "n"), "value: "),
        (CheckItem.IDENTITY, Verdict(CheckValue.ACTIVE, "n", None, PAPER), "value: "),
        (CheckItem.LICENCE, Verdict(CheckValue.ACTIVE, "n"), "expires_on: "),
        (CheckItem.LICENCE, Verdict(CheckValue.ACTIVE, "n", TODAY - timedelta(days=1)), "expires_on: "),
        (CheckItem.INSURANCE, Verdict(CheckValue.VERIFIED, "n", None, PAPER), "expires_on: "),
        (
            CheckItem.INSURANCE,
            Verdict(CheckValue.VERIFIED, "n", TODAY - timedelta(days=1), PAPER),
            "expires_on: ",
        ),
        (CheckItem.INSURANCE, Verdict(CheckValue.VERIFIED, "n", TODAY), "evidence_id: "),
        (CheckItem.IDENTITY, Verdict(CheckValue.VERIFIED, "n"), "evidence_id: "),
        (CheckItem.US_ENTITY, Verdict(CheckValue.VERIFIED, "n"), "evidence_id: "),
    ],
)
def test_what_an_operator_may_not_say_is_named(item: CheckItem, verdict: Verdict, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        judge_verdict(item, verdict, TODAY)
    assert refused.value.detail.startswith(named)


@pytest.mark.parametrize(
    ("item", "days"),
    [
        (CheckItem.LICENCE, 90),
        (CheckItem.INSURANCE, 90),
        (CheckItem.US_ENTITY, 90),
        (CheckItem.IDENTITY, 365),
    ],
)
def test_a_decision_is_good_to_its_last_moment(item: CheckItem, days: int) -> None:
    decided_at = NOW - timedelta(days=days)
    assert not overdue(item, decided_at, NOW)
    assert overdue(item, decided_at - MICROSECOND, NOW)


def test_an_accepted_agreement_ends_only_with_its_version() -> None:
    assert not overdue(CheckItem.AGREEMENT, datetime(2000, 1, 1, tzinfo=UTC), NOW)


def test_approval_itself_ends_the_faults_of_approval_and_no_other() -> None:
    fresh = [row(item) for item in CheckItem]
    assert credential_faults(["status", "recheck"], fresh, NOW) == []
    assert credential_faults(["status", "frozen", "licence"], fresh, NOW) == ["frozen", "licence"]
    old = [row(item, 91) for item in CheckItem]
    assert credential_faults([], old, NOW) == ["insurance", "licence", "us_entity"]


def test_the_90_days_run_from_the_oldest_item_that_is_looked_at_again() -> None:
    rows = [
        row(CheckItem.IDENTITY, 300),
        row(CheckItem.AGREEMENT, 500),
        row(CheckItem.LICENCE, 3),
        row(CheckItem.INSURANCE, 40),
        row(CheckItem.US_ENTITY, 5),
    ]
    assert checked_since(rows) == NOW - timedelta(days=40)


def test_every_item_is_shown_and_what_is_missing_is_said_in_words() -> None:
    views = {
        view.item: view
        for view in item_views([row(CheckItem.IDENTITY), row(CheckItem.INSURANCE)], ["insurance", "licence"])
    }
    assert list(views) == list(CheckItem)
    assert [item for item, view in views.items() if view.passed] == [CheckItem.IDENTITY]
    assert views[CheckItem.IDENTITY].due_at == NOW + timedelta(days=365)
    assert views[CheckItem.LICENCE].value is None
    assert words_of(["frozen", "insurance"]) == [FAULT_WORDS["insurance"], FAULT_WORDS["frozen"]]
