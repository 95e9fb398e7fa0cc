"""The checklist of buyers: their own view and papers, and the operators' decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile

from services.marketplace.domain.checks import Checklist, EvidenceView, Verdict
from services.marketplace.service import checks, rates
from shared.errors import InvalidInput
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.buyer_enums import CheckItem, CheckValue
from shared.schemas.text import Line
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["buyers"])
Member = Annotated[Actor, require(Action.CONTRACTOR_READ)]
Owner = Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


class Agreement(BaseModel):
    """The version of the terms that is accepted."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(min_length=1, max_length=50)


class ItemDecision(BaseModel):
    """How an item stands, until when, on which paper, and why."""

    model_config = ConfigDict(extra="forbid")

    value: CheckValue
    expires_on: date | None = None
    evidence_id: UUID | None = None
    note: Line


class CredentialDecision(BaseModel):
    """Whether the company may buy, and why."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["credential", "withdraw"]
    note: Line


@router.get("/contractors/me/checks")
async def own_checklist(resources: ResourcesDep, actor: Member) -> Checklist:
    """How the buyer's company stands and what is missing, in words."""
    await rates.count_read(resources, actor)
    return await checks.own_checklist(resources, actor)


@router.post("/contractors/me/agreement")
async def accept_agreement(body: Agreement, resources: ResourcesDep, actor: Owner) -> Checklist:
    """Accept the present version of the terms."""
    await rates.count_read(resources, actor)
    return await checks.accept_agreement(resources, actor, body.version)


@router.post("/contractors/me/evidence", status_code=201)
async def file_evidence(request: Request, resources: ResourcesDep, actor: Owner) -> EvidenceView:
    """A paper for one item: a form with the fields `item` and `file` (PDF, PNG or JPEG)."""
    await rates.count_purchase(resources, actor)
    async with request.form(max_files=1, max_fields=2) as form:
        item, file = form.get("item"), form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInput("file: a PDF, PNG or JPEG is needed in this field of a multipart form.")
        return await checks.file_evidence(resources, actor, item=item_of(item), body=await file.read())


def item_of(value: object) -> CheckItem:
    """The item of this name; InvalidInput names those there are."""
    try:
        return CheckItem(str(value))
    except ValueError as error:
        raise InvalidInput(f"item: one of {', '.join(CheckItem)}.") from error


@router.get("/ops/contractors/{contractor_id}/checks")
async def desk_checklist(contractor_id: UUID, resources: ResourcesDep, actor: Reader) -> Checklist:
    """How a company stands."""
    return await checks.desk_checklist(resources, actor, contractor_id)


@router.put("/ops/contractors/{contractor_id}/checks/{item}")
async def decide_item(
    contractor_id: UUID, item: CheckItem, body: ItemDecision, resources: ResourcesDep, actor: Operator
) -> Checklist:
    """Say how one item stands; said of the licence and name that the company has now."""
    verdict = Verdict(**body.model_dump())
    return await checks.decide_item(resources, actor, contractor_id, item, verdict)


@router.post("/ops/contractors/{contractor_id}/credentials")
async def decide_credentials(
    contractor_id: UUID, body: CredentialDecision, resources: ResourcesDep, actor: Operator
) -> Checklist:
    """Let a company buy once every item passes, or end that at once."""
    return await checks.decide_credentials(
        resources, actor, contractor_id, decision=body.decision, note=body.note
    )


@router.get("/ops/buyer-evidence/{evidence_id}")
async def read_evidence(evidence_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """A filed paper as it came, to be saved and not to be opened by the browser."""
    row, body = await checks.read_evidence(resources, actor, evidence_id)
    name = row.object_key.rpartition("/")[2]
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(body, media_type=row.media_type, headers=headers)
