"""What a buyer sets for itself: wanted scores and caps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from services.marketplace.domain.buying_terms import Preferences, PreferencesView
from services.marketplace.service import rates, terms
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/contractors/me/preferences", tags=["buyers"])
Member = Annotated[Actor, require(Action.CONTRACTOR_READ)]
Owner = Annotated[Actor, require(Action.CONTRACTOR_UPDATE)]


@router.get("")
async def own_preferences(resources: ResourcesDep, actor: Member) -> PreferencesView:
    """Wanted scores, caps, and how much of them is used."""
    await rates.count_read(resources, actor)
    return await terms.own_preferences(resources, actor)


@router.put("")
async def set_preferences(body: Preferences, resources: ResourcesDep, actor: Owner) -> PreferencesView:
    """Set all of them; what is left out is no limit."""
    await rates.count_purchase(resources, actor)
    return await terms.set_preferences(resources, actor, body)
