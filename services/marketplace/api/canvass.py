"""The way from door to door of a buyer's unfinished leads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.marketplace.api.outcomes import Reporter
from services.marketplace.domain.canvass import Canvass, Point
from services.marketplace.service import canvass, rates
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/api/canvass", tags=["canvass"])


class Start(BaseModel):
    """Where the way begins: both figures, or none for the best lead."""

    model_config = ConfigDict(extra="forbid")

    lat: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    lng: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)

    @model_validator(mode="after")
    def _both_or_none(self) -> Start:
        if (self.lat is None) != (self.lng is None):
            raise ValueError("lat and lng are given together")
        return self

    def point(self) -> Point | None:
        """The place, None where none is given."""
        return None if self.lat is None or self.lng is None else Point(self.lat, self.lng)


@router.get("")
async def plan(resources: ResourcesDep, actor: Reporter, start: Annotated[Start, Query()]) -> Canvass:
    """At most 60 leads that were bought and not finished, in an order to go them; nobody's name or number."""
    await rates.count_read(resources, actor)
    return await canvass.plan(resources, actor, start.point())
