"""What buyers made of their leads."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.marketplace.domain.outcomes import MOST_NOTE_CHARACTERS, OutcomeView, Reported, plain_note
from services.marketplace.service import outcomes, rates
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import ContactMethod
from shared.schemas.sale_enums import LostReason, SaleOutcome
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/sales", tags=["outcomes"])
Reporter = Annotated[Actor, require(Action.SALE_REPORT)]
Reader = Annotated[Actor, require(Action.SALE_READ)]

MOST_CENTS = 100_000_000
NoteWords = Annotated[str, Field(max_length=MOST_NOTE_CHARACTERS, pattern=r"^[^\x00]*$")]
Note = Annotated[NoteWords | None, BeforeValidator(plain_note)]
"""Words of a buyer's own to a report; text in the database holds no NUL."""


class OutcomeReport(BaseModel):
    """What became of a lead and when; attempts say how, quotes and jobs how much, a lost lead why.

    A note is the buyer's own.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: SaleOutcome
    happened_at: AwareDatetime
    method: ContactMethod | None = None
    amount_cents: int | None = Field(None, gt=0, le=MOST_CENTS)
    lost_reason: LostReason | None = None
    stars: int | None = Field(None, ge=1, le=5)
    note: Note = None


@router.post("/{sale_id}/outcomes", status_code=201)
async def report(
    sale_id: UUID, body: OutcomeReport, resources: ResourcesDep, actor: Reporter, key: IdempotencyKey
) -> OutcomeView:
    """Report what became of a bought lead."""
    await rates.count_read(resources, actor)
    return await outcomes.report(resources, actor, sale_id, Reported(**body.model_dump()), key=key)


@router.get("/{sale_id}/outcomes")
async def history(sale_id: UUID, resources: ResourcesDep, actor: Reader) -> list[OutcomeView]:
    """Every report of a sale, oldest first."""
    return await outcomes.history(resources, actor, sale_id)
