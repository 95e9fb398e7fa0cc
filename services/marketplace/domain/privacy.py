"""What a homeowner may ask, until when we owe an answer, and what may follow what (compliance.md 9, PR-1 and PR-7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from shared.compliance.reasons import PROTECTED_REASON
from shared.errors import Conflict
from shared.schemas.privacy_enums import PrivacyKind, PrivacyStatus

OPT_OUT_REASON: Final = "privacy_request"
WEEK_END: Final = (5, 6)
Decision = Literal["erase", "complete", "refuse", "extend"]


class DecisionNotPossible(Conflict):
    """This request cannot be decided so; the answer says why."""

    code = "privacy-decision-not-possible"


@dataclass(frozen=True, slots=True)
class KindRule:
    """One kind of request: its words, its deadline, and whether the sale stops the moment it is received."""

    kind: PrivacyKind
    title: str
    help: str
    days: int
    business_days: bool
    extension_days: int
    suppresses: str | None
    """The reason written on the suppression list at once; nothing where the request does not stop a sale."""
    at_once: bool
    """Whether all that was asked for is done in the transaction that receives it."""


# PR-1: 45 days and 45 more once with notice; opt-out 15 business days at law, in the same transaction with us.
# PR-7: 10 business days, suppressed at once. A complaint has no date at law; ours is PR-1's (HOUSE).
RULES: Final = {
    rule.kind: rule
    for rule in (
        KindRule(
            PrivacyKind.OPT_OUT,
            "Stop selling my data",
            "We stop at once. Nobody new gets your name, your contacts or a lead about your house.",
            days=15,
            business_days=True,
            extension_days=0,
            suppresses=OPT_OUT_REASON,
            at_once=True,
        ),
        KindRule(
            PrivacyKind.DELETE,
            "Delete my data",
            "We stop selling at once, check that the data are yours, then erase them.",
            days=45,
            business_days=False,
            extension_days=45,
            suppresses=OPT_OUT_REASON,
            at_once=False,
        ),
        KindRule(
            PrivacyKind.KNOW,
            "Tell me what you hold and where it came from",
            "You get a copy once we have checked that the data are yours.",
            days=45,
            business_days=False,
            extension_days=45,
            suppresses=None,
            at_once=False,
        ),
        KindRule(
            PrivacyKind.CORRECT,
            "Correct my data",
            "Say below what is wrong and what is right.",
            days=45,
            business_days=False,
            extension_days=45,
            suppresses=None,
            at_once=False,
        ),
        KindRule(
            PrivacyKind.COMPLAINT,
            "Complain about us or a contractor",
            "Say below what happened, when, and who it was.",
            days=45,
            business_days=False,
            extension_days=0,
            suppresses=None,
            at_once=False,
        ),
        KindRule(
            PrivacyKind.DANIELS_LAW,
            "I am a protected person (Daniel's Law and similar)",
            "We stop disclosing your address and phone at once.",
            days=10,
            business_days=True,
            extension_days=0,
            suppresses=PROTECTED_REASON,
            at_once=True,
        ),
    )
}


def due_at(kind: PrivacyKind, received_at: datetime) -> datetime:
    """When the answer to a request of this kind is owed at the latest."""
    rule = RULES[kind]
    if rule.business_days:
        return add_business_days(received_at, rule.days)
    return received_at + timedelta(days=rule.days)


def add_business_days(moment: datetime, days: int) -> datetime:
    """The moment `days` working days later, in UTC; holidays count as working days, so a deadline is never late."""
    day = moment.astimezone(UTC)
    while days:
        day += timedelta(days=1)
        days -= day.weekday() not in WEEK_END
    return day


def stops_sale(kind: PrivacyKind, *, gpc: bool) -> str | None:
    """The reason for the suppression list; a browser's opt-out signal (PR-4) makes one of every request."""
    return RULES[kind].suppresses or (OPT_OUT_REASON if gpc else None)


def first_status(kind: PrivacyKind) -> PrivacyStatus:
    """Where a request stands once it was received."""
    return PrivacyStatus.CARRIED_OUT if RULES[kind].at_once else PrivacyStatus.RECEIVED


def check_decision(
    decision: Decision, kind: PrivacyKind, status: PrivacyStatus, *, extended: bool
) -> PrivacyStatus:
    """The status that a decision leads to; DecisionNotPossible where the request does not take it."""
    if status is not PrivacyStatus.RECEIVED:
        raise DecisionNotPossible(f"This request is {status} already.", status=str(status))
    if decision == "erase":
        if kind is not PrivacyKind.DELETE:
            raise DecisionNotPossible("Only a request to delete ends in an erasure.", kind=str(kind))
        return PrivacyStatus.ERASING
    if decision == "complete":
        if kind is PrivacyKind.DELETE:
            raise DecisionNotPossible("A request to delete is completed by its erasure.", kind=str(kind))
        return PrivacyStatus.CARRIED_OUT
    if decision == "refuse":
        return PrivacyStatus.REFUSED
    if not RULES[kind].extension_days:
        raise DecisionNotPossible("The deadline of this kind cannot be extended.", kind=str(kind))
    if extended:
        raise DecisionNotPossible("This deadline was extended once already.")
    return PrivacyStatus.RECEIVED


def decisions_for(kind: PrivacyKind, status: PrivacyStatus, *, extended: bool) -> list[Decision]:
    """The decisions that a request takes now."""
    return [decision for decision in get_args(Decision) if _takes(decision, kind, status, extended=extended)]


def _takes(decision: Decision, kind: PrivacyKind, status: PrivacyStatus, *, extended: bool) -> bool:
    try:
        check_decision(decision, kind, status, extended=extended)
    except DecisionNotPossible:
        return False
    return True
