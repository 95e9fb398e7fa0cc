"""API keys of the caller's company; a key itself makes none."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.domain.api_keys import USUAL_DAYS, Days, KeyView, NewKeyView
from services.marketplace.service import api_keys, rates
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.account_enums import KeyScope
from shared.schemas.text import ShortLine
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/keys", tags=["keys"])
Owner = Annotated[Actor, require(Action.KEY_WRITE)]


class KeyForm(BaseModel):
    """What a key is called, what it opens and for how many days."""

    model_config = ConfigDict(extra="forbid")

    name: ShortLine
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=len(KeyScope))]
    days: Days = USUAL_DAYS


@router.get("")
async def own_keys(resources: ResourcesDep, actor: Owner) -> list[KeyView]:
    """The company's keys that open something; of each only its first characters."""
    await rates.count_read(resources, actor)
    return await api_keys.keys_of(resources, actor)


@router.post("", status_code=201)
async def create(body: KeyForm, resources: ResourcesDep, actor: Owner, response: Response) -> NewKeyView:
    """A new key, shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await api_keys.create(resources, actor, name=body.name, scopes=body.scopes, days=body.days)


@router.delete("/{key_id}", status_code=204)
async def revoke(key_id: UUID, resources: ResourcesDep, actor: Owner) -> None:
    """The key opens nothing from now on."""
    await api_keys.revoke(resources, actor, key_id)
