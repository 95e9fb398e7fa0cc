"""A return as its buyer and as an operator sees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.returns import (
    FactKind,
    ReturnNotPossible,
    ReturnReason,
    SoldFacts,
    check_window,
)
from shared.schemas.enums import LeadClass
from shared.schemas.sale_enums import ReturnDecider, ReturnStatus


class ReturnView(BaseModel):
    """A return as its buyer sees it; `credit_cents` is what an accepted one brought."""

    id: UUID
    sale_id: UUID
    lead_id: UUID
    address: str
    """Of the house."""
    reason: str
    explanation: str
    evidence: dict[str, Any]
    status: ReturnStatus
    decided_by: ReturnDecider | None
    decision_note: str | None
    decided_at: datetime | None
    credit_cents: int | None
    created_at: datetime


class DeskReturn(ReturnView):
    """A return as an operator sees it, with the sale it is about."""

    contractor_id: UUID
    lead_class: LeadClass
    sold_at: datetime
    revealed_at: datetime | None
    charged_cents: int


class FactView(BaseModel):
    """A fact that a return must state."""

    name: str
    kind: FactKind
    choices: list[str]
    least: int | None


class ReasonView(BaseModel):
    """A reason to give a lead back, and within how many days by lead class."""

    code: str
    words: str
    days: dict[LeadClass, int]
    evidence: list[FactView]


class ReasonStanding(ReasonView):
    """A reason as it stands for one bought lead: until when it may be given, or why it may not."""

    until: datetime | None
    refused: str | None


def reason_standing(reason: ReturnReason, sold: SoldFacts) -> ReasonStanding:
    """Whether a bought lead may still come back for this reason."""
    days, refused = reason.windows.get(sold.lead_class), None
    try:
        check_window(reason, sold)
    except ReturnNotPossible as closed:
        refused = closed.detail
    until = None if refused or days is None else sold.sold_at + timedelta(days=days)
    return ReasonStanding(**reason_view(reason).model_dump(), until=until, refused=refused)


def reason_view(reason: ReturnReason) -> ReasonView:
    """A reason as buyers read it."""
    facts = [
        FactView(
            name=fact.name,
            kind=fact.kind,
            choices=list(fact.choices),
            least=fact.least if fact.kind is FactKind.COUNT else None,
        )
        for fact in reason.facts
    ]
    return ReasonView(code=reason.code, words=reason.words, days=dict(reason.windows), evidence=facts)
