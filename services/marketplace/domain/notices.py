"""What a notice in our own pages says, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

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


class NoticeGroup(StrEnum):
    """What a person may want or not want by e-mail; in our own pages every notice stands."""

    LEADS = "leads"
    TERRITORIES = "territories"
    PLAN = "plan"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """Title, words where the row has none of its own, and the page that helps; `{sale}` is the lead's sale."""

    title: str
    words: str
    link: str
    group: NoticeGroup


def _territory(title: str) -> NoticeKind:
    return NoticeKind(title, "", "/my/territories", NoticeGroup.TERRITORIES)


KINDS: Final[Mapping[str, NoticeKind]] = {
    NoticeName.CREDENTIALS_LAPSED: NoticeKind(
        "You cannot buy leads any more", "Your checks have run out.", "/my/checks", NoticeGroup.ACCOUNT
    ),
    NoticeName.STORM_AT_SOLD_LEAD: NoticeKind(
        "A storm at a roof you know", "", "/my/leads/{sale}", NoticeGroup.LEADS
    ),
    NoticeName.TERRITORY_OFFERED: NoticeKind(
        "A territory is free for you", "", "/my/territories", NoticeGroup.TERRITORIES
    ),
    NoticeName.TERRITORY_IDLE: NoticeKind(
        "You are about to lose a territory", "", "/my/territories", NoticeGroup.TERRITORIES
    ),
    NoticeName.TERRITORY_LOST: NoticeKind(
        "A territory is no longer yours", "", "/my/territories", NoticeGroup.TERRITORIES
    ),
    NoticeName.TERRITORY_TAKEN_BACK: NoticeKind(
        "A territory was taken back", "", "/my/territories", NoticeGroup.TERRITORIES
    ),
    NoticeName.PLAN_OFFERED: NoticeKind("A plan is free for you", "", "/my/billing", NoticeGroup.PLAN),
    **{
        each.kind: NoticeKind(each.title, each.words, "/my/leads/{sale}", NoticeGroup.LEADS)
        for each in NUDGES
    },
}
MAILED_WITHIN: Final = timedelta(hours=24)
"""A notice that no mail took by then is read in our pages or not at all: old news is no mail. HOUSE."""
SHOWN_IN_MAIL: Final = 20


class NoticeSettings(BaseModel):
    """The groups of notices that a person gets by e-mail as well."""

    model_config = ConfigDict(extra="forbid")

    email: set[NoticeGroup]


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
    kind = KINDS.get(row["kind"]) or NoticeKind(
        row["kind"].replace("_", " ").capitalize(), "", "", NoticeGroup.ACCOUNT
    )
    link = kind.link.format(sale=row["sale_id"]) if kind.link else None
    return NoticeView(
        **{name: row[name] for name in ("id", "kind", "sale_id", "created_at", "read_at")},
        title=kind.title,
        words=row["reason"] or kind.words,
        link=link,
        place=f"{row['city']}, {row['state']}" if row["city"] else None,
    )
