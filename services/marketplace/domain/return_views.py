"""A return as its buyer and as an operator sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.returns import FactKind, ReturnReason
from shared.schemas.enums import LeadClass
from shared.schemas.sale_enums import ReturnDecider, ReturnStatus


class ReturnView(BaseModel):
    """A return as its buyer sees it; `credit_cents` is what an accepted one brought."""

    id: UUID
    sale_id: UUID
    lead_id: UUID
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
