"""What a buyer set for itself, and what follows for the list and for a purchase."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.buying_terms import Preferences, PreferencesView, cap_reached
from services.marketplace.repository.terms import TermsRepository
from services.marketplace.service.checks import audit_buyer
from services.marketplace.service.sessions import own_company, signed_in
from shared.runtime import Resources
from shared.security.policy import Action, Actor


async def reached_cap(session: AsyncSession, contractor_id: UUID) -> str | None:
    """The cap of its own that a buyer has used up, in words; None where there is room."""
    return _cap(await TermsRepository(session).terms(contractor_id))


async def own_preferences(resources: Resources, actor: Actor) -> PreferencesView:
    """What the actor's company has set, and how much of its caps is used."""
    contractor_id = own_company(actor, Action.CONTRACTOR_READ)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return _view(await TermsRepository(uow.session).terms(contractor_id))


async def set_preferences(resources: Resources, actor: Actor, wanted: Preferences) -> PreferencesView:
    """The company's preferences, all of them set anew; audited."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = TermsRepository(uow.session)
        values: dict[str, Any] = wanted.model_dump()
        await repository.prefer(contractor_id, values)
        await audit_buyer(uow.session, actor, "buyer.set_preferences", contractor_id, details=values)
        return _view(await repository.terms(contractor_id))


def _view(row: Row[Any]) -> PreferencesView:
    return PreferencesView(
        **_preferences(row).model_dump(),
        bought_today=row.today,
        bought_this_week=row.this_week,
        time_zone=row.time_zone,
        cap_reached=_cap(row),
    )


def _cap(row: Row[Any]) -> str | None:
    return cap_reached(_preferences(row), today=row.today, this_week=row.this_week)


def _preferences(row: Row[Any]) -> Preferences:
    return Preferences(**{name: getattr(row, name) for name in Preferences.model_fields})
