"""The checklist of a buyer: what is checked, by what evidence, how long it is good for (PR-12, C-08)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from shared.errors import InvalidInput
from shared.schemas.buyer_enums import CheckItem, CheckValue
from shared.schemas.enums import CredentialStatus

_LICENCE_WORDS: Final = (
    CheckValue.ACTIVE,
    CheckValue.EXPIRED,
    CheckValue.NOT_REQUIRED,
    CheckValue.UNKNOWN,
)
_PLAIN_WORDS: Final = (CheckValue.VERIFIED, CheckValue.FAILED)
RECHECK: Final = timedelta(days=90)
LONG: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Check:
    """One item: its title, what we want to see, which words it takes and which of them pass.

    `good_for` is how old the decision may be; None where only a change ends it. `needs_expiry` names the words
    that carry a last day, `needs_file` those that stand on a file of the buyer's.
    """

    title: str
    wanted: str
    fault: str
    words: tuple[CheckValue, ...] = _PLAIN_WORDS
    passing: frozenset[CheckValue] = frozenset({CheckValue.VERIFIED})
    good_for: timedelta | None = RECHECK
    needs_expiry: frozenset[CheckValue] = frozenset()
    needs_file: frozenset[CheckValue] = frozenset()


CHECKS: Final[Mapping[CheckItem, Check]] = {
    CheckItem.LICENCE: Check(
        "Licence",
        "The licence of the state you work in, or its page in the state's register. Texas and Colorado have no state "
        "licence: there nothing is needed.",
        "licence",
        words=_LICENCE_WORDS,
        passing=frozenset({CheckValue.ACTIVE, CheckValue.NOT_REQUIRED}),
        needs_expiry=frozenset({CheckValue.ACTIVE}),
    ),
    CheckItem.INSURANCE: Check(
        "Liability insurance",
        "A certificate of insurance with its last day.",
        "insurance",
        needs_expiry=frozenset({CheckValue.VERIFIED}),
        needs_file=frozenset({CheckValue.VERIFIED}),
    ),
    CheckItem.IDENTITY: Check(
        "Identity",
        "A paper of the company that shows its name and who acts for it.",
        "identity",
        good_for=LONG,
        needs_file=frozenset({CheckValue.VERIFIED}),
    ),
    CheckItem.AGREEMENT: Check(
        "Agreement", "The present version of our terms, accepted by the owner.", "agreement", good_for=None
    ),
    CheckItem.US_ENTITY: Check(
        "Company of the United States",
        "The registration with a state of the United States.",
        "us_entity",
        needs_file=frozenset({CheckValue.VERIFIED}),
    ),
}
FAULT_WORDS: Final[Mapping[str, str]] = {
    "unknown": "We do not know your company.",
    "status": "An operator has not approved your company, or the approval has lapsed.",
    "licence": "Your licence is not checked, is for another number than your profile names, or has run out.",
    "insurance": "Your insurance is not checked or has run out.",
    "identity": "Your company's identity is not checked under the name in your profile.",
    "agreement": "You have not accepted the present version of our terms.",
    "us_entity": "We have not seen that your company is registered in the United States.",
    "recheck": "The last check is more than 90 days old.",
    "frozen": "Your bank took a payment back. You can buy again once an operator has settled it with you.",
}


class ItemView(BaseModel):
    """One item as its buyer and an operator see it."""

    item: CheckItem
    title: str
    wanted: str
    value: CheckValue | None
    about: str | None
    expires_on: date | None
    decided_at: datetime | None
    note: str | None
    passed: bool
    due_at: datetime | None


class EvidenceView(BaseModel):
    """A filed piece of evidence."""

    id: UUID
    item: CheckItem
    media_type: str
    size_bytes: int
    created_at: datetime


class Checklist(BaseModel):
    """Whether a company may receive homeowner data, and if not, what is missing in words."""

    contractor_id: UUID
    status: CredentialStatus
    allowed: bool
    missing: list[str]
    agreement_version: str
    """The present version of our terms."""
    items: list[ItemView]
    evidence: list[EvidenceView]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operator says of one item."""

    value: CheckValue
    note: str
    expires_on: date | None = None
    evidence_id: UUID | None = None


def judge_verdict(item: CheckItem, verdict: Verdict, today: date) -> None:
    """Return if an operator may say this of the item; InvalidInput names what is wrong."""
    check, value = CHECKS[item], verdict.value
    if value not in check.words:
        words = ", ".join(check.words)
        raise InvalidInput(f"value: {item} takes one of {words}, not {value}.")
    if value in check.needs_expiry and verdict.expires_on is None:
        raise InvalidInput(f"expires_on: {item} that is {value} needs its last day.")
    if value in check.passing and verdict.expires_on is not None and verdict.expires_on < today:
        raise InvalidInput(f"expires_on: {verdict.expires_on} is past, so the {item} is not {value}.")
    if value in check.needs_file and verdict.evidence_id is None:
        raise InvalidInput(f"evidence_id: {item} that is {value} stands on a filed paper; name it.")


def overdue(item: CheckItem, decided_at: datetime, now: datetime) -> bool:
    """Whether the decision about an item is too old to credential a buyer on."""
    good_for = CHECKS[item].good_for
    return good_for is not None and decided_at + good_for < now


def credential_faults(faults: Sequence[str], rows: Sequence[Any], now: datetime) -> list[str]:
    """What keeps an operator from credentialing a buyer: every fault of a sale but those the act itself ends."""
    old = {CHECKS[CheckItem(row.item)].fault for row in rows if overdue(row.item, row.decided_at, now)}
    return sorted((set(faults) | old) - {"status", "recheck"})


def checked_since(rows: Sequence[Any]) -> datetime:
    """From when the 90 days run: the oldest decision among the items that are looked at again each time."""
    decided: datetime = min(row.decided_at for row in rows if CHECKS[CheckItem(row.item)].good_for == RECHECK)
    return decided


def words_of(faults: Sequence[str]) -> list[str]:
    """The faults of a buyer as sentences, in the order of the table."""
    return [sentence for fault, sentence in FAULT_WORDS.items() if fault in faults]


def item_views(rows: Sequence[Any], faults: Sequence[str]) -> Iterator[ItemView]:
    """Every item of the table with how it stands."""
    known = {row.item: row for row in rows}
    for item, check in CHECKS.items():
        row = known.get(item)
        good_for = check.good_for
        yield ItemView(
            item=item,
            title=check.title,
            wanted=check.wanted,
            value=row.value if row else None,
            about=row.about if row else None,
            expires_on=row.expires_on if row else None,
            decided_at=row.decided_at if row else None,
            note=row.note if row else None,
            passed=row is not None and check.fault not in faults,
            due_at=row.decided_at + good_for if row and good_for else None,
        )
