"""Routes of contractor acquisition; inner callers come with a service token."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.contractor_acquisition.service import Contractors
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime.application import ResourcesDep
from shared.schemas.contractor import (
    ContractorQuery,
    ContractorSummary,
    ContractorUpdate,
    InnerContractorCreate,
    StaffContractorView,
)
from shared.schemas.page import Page
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/contractors", tags=["contractors"])


def contractors_of(resources: ResourcesDep) -> Contractors:
    """The verbs on this process's resources."""
    return Contractors(resources.unit_of_work, resources.own)


ContractorsDep = Annotated[Contractors, Depends(contractors_of)]


@router.get("")
async def list_contractors(
    query: Annotated[ContractorQuery, Query()],
    actor: Annotated[Actor, require(Action.CONTRACTOR_LIST)],
    contractors: ContractorsDep,
) -> Page[ContractorSummary]:
    """Contractors, newest first, a page at a time."""
    return await contractors.page(actor, query)


@router.post("", status_code=201)
async def create_contractor(
    actor: Annotated[Actor, require(Action.CONTRACTOR_CREATE)],
    contractors: ContractorsDep,
    new: InnerContractorCreate,
    key: IdempotencyKey,
    response: Response,
) -> StaffContractorView:
    """A new contractor; the same Idempotency-Key gives the same one again."""
    created = await contractors.create(actor, new, key=key)
    response.headers["Location"] = f"{router.prefix}/{created.id}"
    return created


@router.get("/{contractor_id}")
async def read_contractor(
    contractor_id: UUID,
    actor: Annotated[Actor, require(Action.CONTRACTOR_READ)],
    contractors: ContractorsDep,
) -> StaffContractorView:
    """One contractor."""
    return await contractors.read(actor, contractor_id)


@router.patch("/{contractor_id}")
async def update_contractor(
    contractor_id: UUID,
    actor: Annotated[Actor, require(Action.CONTRACTOR_UPDATE)],
    contractors: ContractorsDep,
    changes: ContractorUpdate,
) -> StaffContractorView:
    """The contractor with these fields changed."""
    return await contractors.update(actor, contractor_id, changes)


@router.delete("/{contractor_id}", status_code=204)
async def withdraw_contractor(
    contractor_id: UUID,
    actor: Annotated[Actor, require(Action.CONTRACTOR_DELETE)],
    contractors: ContractorsDep,
) -> None:
    """Withdraw a contractor: its row stays, as churned, because sales and ledger refer to it."""
    await contractors.withdraw(actor, contractor_id)
