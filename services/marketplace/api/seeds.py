"""Seeds at a buyer: planted, seen, and told of by operators."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from services.marketplace.api.operations import Operator, Reader
from services.marketplace.domain.seeds import NewSeed, NewSighting, SeedView
from services.marketplace.service import seeds
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api/ops", tags=["buyers"])


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


@router.post("/seeds/{seed_id}/sightings", status_code=201)
async def sight(seed_id: UUID, seen: NewSighting, resources: ResourcesDep, actor: Operator) -> SeedView:
    """Note a mail that reached a seed; one by anybody but its buyer raises the alarm."""
    return await seeds.sight(resources, actor, seed_id, seen)
