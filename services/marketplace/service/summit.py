"""HVAC leads handed to Summit.AI, our own location of HighLevel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.marketplace.repository.summit import SummitRepository
from services.marketplace.service.sessions import signed_in
from shared.db.unit_of_work import UnitOfWork
from shared.errors import InvalidInput, NotFound, ProviderError
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow.catalogue import SYNC_HVAC_LEAD
from shared.workflow.start import start_many

SERVICE = "marketplace"
BATCH = 500
SHOWN_CHARACTERS = 4
NOBODY = "+15005550006"
"""A number that belongs to nobody: looking for it proves key and location and reads no person."""


async def sync(resources: Resources, actor: Actor, lead_ids: Sequence[UUID]) -> int:
    """How many leads a worker will hand over now: those named, or all pending ones where none is named."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        await audit.record(
            uow.session,
            actor,
            "hvac_lead.sync",
            service=SERVICE,
            object_type="hvac_lead",
            object_id="named" if lead_ids else "all pending",
        )
        if lead_ids:
            return await _start(uow, await _due(SummitRepository(uow.session), lead_ids))
    return await _sync_pending(resources)


async def _due(repository: SummitRepository, lead_ids: Sequence[UUID]) -> list[UUID]:
    known = await repository.known(lead_ids)
    missing = [str(lead_id) for lead_id in lead_ids if lead_id not in known]
    if missing:
        raise NotFound(f"There is no HVAC lead {', '.join(missing[:5])}.")
    return [lead_id for lead_id, due in known.items() if due]


async def _sync_pending(resources: Resources) -> int:
    started, after = 0, None
    while True:
        async with resources.unit_of_work() as uow:
            page = await SummitRepository(uow.session).pending(after, BATCH)
            started += await _start(uow, page)
        if len(page) < BATCH:
            return started
        after = page[-1]


async def _start(uow: UnitOfWork, lead_ids: Sequence[UUID]) -> int:
    """Start a workflow for each lead that has none running."""
    if not lead_ids:
        return 0
    return len(await start_many(uow.session, SYNC_HVAC_LEAD, [(lead_id, {}) for lead_id in lead_ids]))


async def status(resources: Resources, actor: Actor) -> dict[str, Any]:
    """How the qualified leads stand with Summit.AI."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = SummitRepository(uow.session)
        return {"by_status": await repository.counts(), "last_synced_at": await repository.last_synced_at()}


async def config(resources: Resources, actor: Actor) -> dict[str, Any]:
    """Where leads go and with which key, of which only the end is shown."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
    settings = resources.providers.settings
    key = settings.summit_api_key.get_secret_value()
    return {
        "base_url": settings.base_url("highlevel"),
        "location_id": settings.summit_location or None,
        "api_key": f"****{key[-SHOWN_CHARACTERS:]}"
        if len(key) > 4 * SHOWN_CHARACTERS
        else "****" * bool(key) or None,
    }


async def check(resources: Resources, actor: Actor) -> dict[str, Any]:
    """Whether Summit.AI answers to our key at our location, or why not."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
    try:
        await resources.providers.summit.find("phone", NOBODY)
    except (ProviderError, InvalidInput) as error:
        return {"connected": False, "reason": error.detail}
    return {"connected": True, "reason": None}


async def write_notes(resources: Resources, actor: Actor, lead_id: UUID, notes: str | None) -> None:
    """Replace an HVAC lead's notes."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if not await SummitRepository(uow.session).write_notes(lead_id, notes):
            raise NotFound("There is no such HVAC lead.")
        await audit.record(
            uow.session,
            actor,
            "hvac_lead.notes",
            service=SERVICE,
            object_type="hvac_lead",
            object_id=lead_id,
            fields=("notes",),
        )
