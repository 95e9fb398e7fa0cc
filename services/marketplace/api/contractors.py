"""Contractors for people; contractor_acquisition owns them, this door checks who may see which."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query, Response

from services.marketplace.service import contractors
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.contractor import (
    ContractorCreate,
    ContractorQuery,
    ContractorSummary,
    ContractorUpdate,
    ContractorView,
    StaffContractorView,
)
from shared.schemas.page import Page
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/contractors", tags=["contractors"])

OptionalKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=8, max_length=150, pattern=r"^[\x21-\x7e]+$")
]


@router.get("")
async def list_contractors(
    query: Annotated[ContractorQuery, Query()],
    actor: Annotated[Actor, require(Action.CONTRACTOR_LIST)],
    resources: ResourcesDep,
) -> Page[ContractorSummary]:
    """Contractors, newest first: all for staff, the own one for a contractor's people."""
    return await contractors.page(resources, actor, query)


@router.post("", status_code=201)
async def create_contractor(
    actor: Annotated[Actor, require(Action.CONTRACTOR_CREATE)],
    resources: ResourcesDep,
    new: ContractorCreate,
    response: Response,
    key: OptionalKey = None,
) -> StaffContractorView:
    """A contractor entered by staff; contractors come by sign-up. The same Idempotency-Key makes it once."""
    created = await contractors.create(resources, actor, new, idempotency_key=key or uuid4().hex)
    response.headers["Location"] = f"{router.prefix}/{created.id}"
    return created


@router.get("/{contractor_id}")
async def read_contractor(
    contractor_id: UUID, actor: Annotated[Actor, require(Action.CONTRACTOR_READ)], resources: ResourcesDep
) -> StaffContractorView | ContractorView:
    """One contractor; staff also see what we think of it."""
    return await contractors.read(resources, actor, contractor_id)


@router.patch("/{contractor_id}")
async def update_contractor(
    contractor_id: UUID,
    actor: Annotated[Actor, require(Action.CONTRACTOR_UPDATE)],
    resources: ResourcesDep,
    changes: ContractorUpdate,
    key: OptionalKey = None,
) -> StaffContractorView | ContractorView:
    """The contractor with these profile fields changed."""
    return await contractors.update(
        resources, actor, contractor_id, changes, idempotency_key=key or uuid4().hex
    )


@router.delete("/{contractor_id}", status_code=204)
async def withdraw_contractor(
    contractor_id: UUID,
    actor: Annotated[Actor, require(Action.CONTRACTOR_DELETE)],
    resources: ResourcesDep,
    key: OptionalKey = None,
) -> None:
    """Withdraw a contractor: it buys nothing more, its people are logged out, its history stays."""
    await contractors.withdraw(resources, actor, contractor_id, idempotency_key=key or uuid4().hex)
