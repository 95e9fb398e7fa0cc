"""California's deletion list: when it is due, whom a line may mean, and what a match leads to (compliance.md PR-5)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from shared.schemas.deletion_list import (
    ListKind,
    RequestStanding,
    digest_of,
    names_in,
    normal_email,
    normal_name_zip,
    normal_phone,
)

STATE: Final = "CA"
AGAIN_AFTER: Final = timedelta(days=30)
"""HOUSE: so that two weeks of failed downloads still end before the law's 45 days."""
LONGEST: Final = timedelta(days=45)
"""Cal. Civ. Code 1798.99.86: at least once every 45 days; `sale.yaml` holds the same figure for the rule of sale."""
MOST_BAD_LINES: Final = 0.01
"""Share of unreadable lines above which a file is of another format, and nothing of it is taken."""
NAMED_BAD_LINES: Final = 20
_LAST_ZIP: Final = re.compile(r"(\d{5})(?:-\d{4})?\s*$")


class ListStanding(StrEnum):
    """How old the newest whole list is."""

    FRESH = "fresh"
    DUE = "due"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Held:
    """One record that names a homeowner, opened; `email` and `phone` are None where we hold none.

    `subject_id` is whose key it is sealed with; `address_key` is empty where its address names no house.
    """

    record: str
    subject_id: UUID
    name: str
    street: str
    city: str
    state: str
    zip: str
    address_key: str
    mailing: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The house; a person without one is told apart by the number, and without any by the record."""
        return self.state, self.address_key or f"?{self.phone or self.email or self.record}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that a line of the list may mean."""

    request_ref: str
    kind: ListKind
    held: Held


@dataclass(frozen=True, slots=True)
class Person:
    """All records of a request's person at one house."""

    held: tuple[Held, ...]

    @property
    def emails(self) -> list[str]:
        """The addresses we hold, the first one first."""
        return list(dict.fromkeys(each.email for each in self.held if each.email))

    @property
    def phones(self) -> list[str]:
        """The numbers we hold."""
        return list(dict.fromkeys(each.phone for each in self.held if each.phone))

    @property
    def subjects(self) -> list[UUID]:
        """Whose keys the records are sealed with."""
        return list(dict.fromkeys(each.subject_id for each in self.held))


@dataclass(slots=True)
class Verdict:
    """What one request leads to."""

    request_ref: str
    erase: list[Person] = field(default_factory=list)
    opt_out: list[Person] = field(default_factory=list)

    @property
    def standing(self) -> RequestStanding:
        """How the request stands from now on."""
        return RequestStanding.DELETING if self.erase else RequestStanding.OPTED_OUT


class DropView(BaseModel):
    """The newest list that came whole, when the next is due, and what became of the requests on it."""

    standing: ListStanding
    completed_at: datetime | None
    matched_at: datetime | None
    due_at: datetime | None
    late_at: datetime | None
    record_count: int
    bad_lines: int
    bad_sample: list[str]
    sandbox: bool
    requests: dict[RequestStanding, int]
    unreported: int


def list_standing(completed_at: datetime | None, now: datetime) -> ListStanding:
    """Fresh until the 30th day, due until the 45th is over, late after it and before the first."""
    if completed_at is None or now - completed_at > LONGEST:
        return ListStanding.LATE
    return ListStanding.DUE if now - completed_at >= AGAIN_AFTER else ListStanding.FRESH


def too_many_bad(bad: int, lines: int) -> bool:
    """Whether a file is of another format rather than a list with a slip in it."""
    return bad > MOST_BAD_LINES * lines


def digests(held: Held) -> Iterator[tuple[ListKind, str]]:
    """Every hash under which the list may hold this record's person; by name and ZIP only in California."""
    if held.email:
        yield ListKind.EMAIL, digest_of(normal_email(held.email))
    if held.phone and (number := normal_phone(held.phone)):
        yield ListKind.PHONE, digest_of(number)
    if held.state != STATE:
        return
    mailed = _LAST_ZIP.search(held.mailing or "")
    zips = {held.zip[:5], mailed.group(1) if mailed else ""} - {""}
    names = {tuple(sorted(words)) for words in names_in(held.name)}
    for words in sorted(names):
        for zip_code in sorted(zips):
            yield ListKind.NAME_ZIP, digest_of(normal_name_zip(list(words), zip_code))


def verdicts(hits: Iterable[Hit]) -> list[Verdict]:
    """What each request leads to, by its reference.

    E-mail and phone name a person; a name and a ZIP do so only where one house answers to them. Of several such
    houses those that nothing else names are opted out of sale: nobody's data is erased for a namesake.
    """
    by_request: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_request[hit.request_ref].append(hit)
    return [_verdict(ref, by_request[ref]) for ref in sorted(by_request)]


def _verdict(ref: str, hits: Sequence[Hit]) -> Verdict:
    houses: dict[tuple[str, str], dict[str, Held]] = defaultdict(dict)
    sure: set[tuple[str, str]] = set()
    named: set[tuple[str, str]] = set()
    for hit in hits:
        houses[hit.held.place][hit.held.record] = hit.held
        (named if hit.kind is ListKind.NAME_ZIP else sure).add(hit.held.place)
    if len(named) == 1:
        sure |= named
    people = {place: Person(tuple(records.values())) for place, records in sorted(houses.items())}
    return Verdict(
        ref,
        erase=[person for place, person in people.items() if place in sure],
        opt_out=[person for place, person in people.items() if place not in sure],
    )
