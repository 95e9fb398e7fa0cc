"""Seeds at a buyer: planted, seen, and told of by operators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.marketplace.api.operations import Operator, Reader
from services.marketplace.domain.seeds import NewSeed, NewSighting, SeedView, Settlement
from services.marketplace.service import seeds
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.page import Page, PageQuery

router = APIRouter(prefix="/api/ops", tags=["buyers"])


class AlarmQuery(PageQuery):
    """Which alarms are wanted."""

    settled: bool | None = None


@router.get("/contractors/{contractor_id}/seeds")
async def list_seeds(contractor_id: UUID, resources: ResourcesDep, actor: Reader) -> list[SeedView]:
    """A buyer's seeds with the contacts that reached them, newest first."""
    return await seeds.of_buyer(resources, actor, contractor_id)


@router.post("/contractors/{contractor_id}/seeds", status_code=201)
async def plant(
    contractor_id: UUID, new: NewSeed, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> SeedView:
    """Plant an invented contact: the buyer's next file of aged leads holds it as one more row, for nothing."""
    return await seeds.plant(resources, actor, contractor_id, new, key=key)


@router.get("/seeds/alarms")
async def list_alarms(
    query: Annotated[AlarmQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[SeedView]:
    """Seeds that somebody else wrote to, newest first; an alarm is open until an operator settles it."""
    return await seeds.alarms(resources, actor, **query.model_dump())


@router.post("/seeds/{seed_id}/settlement")
async def settle(seed_id: UUID, body: Settlement, resources: ResourcesDep, actor: Operator) -> SeedView:
    """Settle a seed's alarm with what was found; a further mail from somebody else raises it again."""
    return await seeds.settle(resources, actor, seed_id, body)


@router.post("/seeds/{seed_id}/sightings", status_code=201)
async def sight(seed_id: UUID, seen: NewSighting, resources: ResourcesDep, actor: Operator) -> SeedView:
    """Note a mail that reached a seed; one by anybody but its buyer raises the alarm."""
    return await seeds.sight(resources, actor, seed_id, seen)
