"""Registrations as a data broker: recorded by operators, read by the rule of sale on the day of the sale."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.marketplace.domain.registrations import (
    LAWS,
    Filing,
    RegistrationsView,
    RegistrationView,
    check_filing,
    hold_back,
    standing,
    state_views,
)
from services.marketplace.repository.registrations import RegistrationRepository
from services.marketplace.service import drop
from services.marketplace.service.sessions import signed_in
from shared.compliance.sell import stale_list_states
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor

SERVICE: Final = "marketplace"


async def everything(resources: Resources, actor: Actor) -> RegistrationsView:
    """The demanding states with their standing today, and every registration."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await read(uow)


async def report(unit_of_work: UnitOfWorkFactory) -> RegistrationsView:
    """The same for the command line, where nobody is logged in."""
    async with unit_of_work() as uow:
        return await read(uow)


async def record(resources: Resources, actor: Actor, filing: Filing) -> RegistrationView:
    """Put a registration on file; Conflict where the number is on file from that day, InvalidInput where it cannot be."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = RegistrationRepository(uow.session)
        today = (await uow.database_now()).date()
        check_filing(filing, LAWS.keys() | await repository.demanded(), today)
        row = await repository.insert({**asdict(filing), "recorded_by": actor.user_id})
        if row is None:
            raise Conflict(f"{filing.number} is on file in {filing.state} from {filing.filed_on} already.")
        await _audit(uow, actor, "registration.record", row.id, filing.note)
    return _view(row, today)


async def withdraw(resources: Resources, actor: Actor, registration_id: UUID, note: str) -> RegistrationView:
    """Take a registration out of force for good; NotFound where none is to be taken."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await RegistrationRepository(uow.session).withdraw(registration_id, actor.user_id, note)
        if row is None:
            raise NotFound("There is no such registration, or it is withdrawn.")
        today = (await uow.database_now()).date()
        await _audit(uow, actor, "registration.withdraw", registration_id, note)
    return _view(row, today)


async def read(uow: UnitOfWork) -> RegistrationsView:
    """The demanding states and every registration, within the caller's transaction."""
    repository = RegistrationRepository(uow.session)
    today = (await uow.database_now()).date()
    held = [_view(row, today) for row in await repository.all_of_them()]
    demanded = LAWS.keys() | await repository.demanded()
    listed, stale = await drop.read(uow), await stale_states(uow)
    states = hold_back(state_views(demanded, held, today), stale)
    return RegistrationsView(states=states, registrations=held, drop=listed)


async def stale_states(uow: UnitOfWork) -> frozenset[str]:
    """The states that sell nothing because their deletion list is too old, by the rule of sale."""
    taken_at = await RegistrationRepository(uow.session).deletion_list_at()
    return stale_list_states(taken_at, await uow.database_now())


def _view(row: Row[Any], today: date) -> RegistrationView:
    worth = standing(row.filed_on, row.expires_on, today, withdrawn=row.withdrawn_at is not None)
    return RegistrationView.model_validate({**row._asdict(), "standing": worth})


async def _audit(uow: UnitOfWork, actor: Actor, action: str, registration_id: UUID, reason: str) -> None:
    await audit.record(
        uow.session,
        actor,
        action,
        service=SERVICE,
        object_type="state_registration",
        object_id=registration_id,
        fields=[],
        reason=reason,
    )
