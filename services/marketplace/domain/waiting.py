"""What waits for a person now: one line a kind of work, the list behind it, and what a count of it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from shared.schemas.enums import CredentialStatus


class Work(StrEnum):
    """A kind of work that only a person does."""

    PRIVACY = "privacy"
    REGISTRATIONS = "registrations"
    DROP = "drop"
    CASES = "cases"
    ALARMS = "alarms"
    RETURNS = "returns"
    PAPERS = "papers"
    REVIEWS = "reviews"
    CONFLICTS = "conflicts"
    DEAD_LETTERS = "dead_letters"
    SOURCES = "sources"


class WaitingLine(BaseModel):
    """How much of a kind waits; None where its owner cannot be asked now. `due_at` is the first deadline."""

    work: Work
    title: str
    path: str
    count: int | None
    late: int = 0
    due_at: datetime | None = None


class BuyerLine(BaseModel):
    """A company that signed up, with the papers nobody has decided on; `frozen` while a charge-back is open.

    `seed_alarm` tells that somebody else wrote to a seed of it and nobody has settled that.
    """

    id: UUID
    company_name: str
    city: str | None
    state: str | None
    credential_status: CredentialStatus
    papers: int
    filed_at: datetime | None
    frozen: bool
    seed_alarm: bool
    created_at: datetime


LISTS: Final[Mapping[Work, tuple[str, str]]] = {
    Work.PRIVACY: ("Privacy requests", "/ops/privacy"),
    Work.REGISTRATIONS: ("Broker registrations that run out", "/ops/registrations"),
    Work.DROP: ("California's deletion list is due", "/ops/registrations"),
    Work.CASES: ("Charge-backs to settle", "/ops/cases"),
    Work.ALARMS: ("Seed alarms to settle", "/ops/seeds"),
    Work.RETURNS: ("Returns to decide", "/ops/returns"),
    Work.PAPERS: ("Companies whose papers wait", "/ops/buyers"),
    Work.REVIEWS: ("Roofs to review", "/review"),
    Work.CONFLICTS: ("Uploaded leads with several contacts", "/ops/conflicts"),
    Work.DEAD_LETTERS: ("Dead letters", "/ops/queues"),
    Work.SOURCES: ("Sources that are late or broken", "/ops/sources"),
}
"""In the order of what cannot wait: the law's deadlines first. Each list shows what waits unless asked for more."""


def waiting_line(
    work: Work, count: int | None, *, late: int = 0, due_at: datetime | None = None
) -> WaitingLine:
    """The line of a kind of work."""
    title, path = LISTS[work]
    return WaitingLine(work=work, title=title, path=path, count=count, late=late, due_at=due_at)
