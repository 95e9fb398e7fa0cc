"""What a notice in our own pages says, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.speed import NUDGES


class NoticeName(StrEnum):
    """What a notice is about; reminders have names of their own (`speed.NUDGES`)."""

    CREDENTIALS_LAPSED = "credentials_lapsed"
    STORM_AT_SOLD_LEAD = "storm_at_sold_lead"
    TERRITORY_OFFERED = "territory_offered"
    TERRITORY_IDLE = "territory_idle"
    TERRITORY_LOST = "territory_lost"
    TERRITORY_TAKEN_BACK = "territory_taken_back"
    PLAN_OFFERED = "plan_offered"


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """Title, words where the row has none of its own, and the page that helps; `{sale}` is the lead's sale."""

    title: str
    words: str
    link: str


KINDS: Final[Mapping[str, NoticeKind]] = {
    NoticeName.CREDENTIALS_LAPSED: NoticeKind(
        "You cannot buy leads any more", "Your checks have run out.", "/my/checks"
    ),
    NoticeName.STORM_AT_SOLD_LEAD: NoticeKind("A storm at a roof you know", "", "/my/leads/{sale}"),
    NoticeName.TERRITORY_OFFERED: NoticeKind("A territory is free for you", "", "/my/territories"),
    NoticeName.TERRITORY_IDLE: NoticeKind("You are about to lose a territory", "", "/my/territories"),
    NoticeName.TERRITORY_LOST: NoticeKind("A territory is no longer yours", "", "/my/territories"),
    NoticeName.TERRITORY_TAKEN_BACK: NoticeKind("A territory was taken back", "", "/my/territories"),
    NoticeName.PLAN_OFFERED: NoticeKind("A plan is free for you", "", "/my/billing"),
    **{each.kind: NoticeKind(each.title, each.words, "/my/leads/{sale}") for each in NUDGES},
}


class NoticeView(BaseModel):
    """A notice to a company; read by one of its people, it is read."""

    id: UUID
    kind: str
    title: str
    words: str
    link: str | None
    sale_id: UUID | None
    place: str | None
    created_at: datetime
    read_at: datetime | None


class NoticeBox(BaseModel):
    """How many notices nobody has read, and the newest ones."""

    unread: int
    items: list[NoticeView]


def notice(row: Mapping[str, Any]) -> NoticeView:
    """A notice as it is shown; a kind that says nothing here shows its name and the reason it was left with."""
    kind = KINDS.get(row["kind"]) or NoticeKind(row["kind"].replace("_", " ").capitalize(), "", "")
    link = kind.link.format(sale=row["sale_id"]) if kind.link else None
    return NoticeView(
        **{name: row[name] for name in ("id", "kind", "sale_id", "created_at", "read_at")},
        title=kind.title,
        words=row["reason"] or kind.words,
        link=link,
        place=f"{row['city']}, {row['state']}" if row["city"] else None,
    )
