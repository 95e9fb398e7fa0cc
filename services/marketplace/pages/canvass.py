"""The way from door to door: a plain list that a script makes work where there is no connection."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import AwareDatetime, Field, field_validator

from services.marketplace.api.canvass import Start
from services.marketplace.api.outcomes import Note, Reporter
from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.canvass import DOOR_RULES, QUICK, Stop, by_street
from services.marketplace.domain.do_not_say import do_not_say
from services.marketplace.domain.outcomes import Reported
from services.marketplace.pages.outcomes import TITLES
from services.marketplace.pages.rendering import asset_url, go_to, render
from services.marketplace.service import canvass, outcomes, rates
from shared.http.idempotency import KEY_PATTERN
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/my/canvass", tags=["pages"], default_response_class=Response)


class DoorForm(FormQuery):
    """One button of a stop; `asked_at` and `key` are those of the page, so that sent twice it is one report."""

    key: str = Field(min_length=8, max_length=100, pattern=KEY_PATTERN)
    asked_at: AwareDatetime
    said: str = Field(max_length=20)
    note: Note = None

    @field_validator("said")
    @classmethod
    def _known(cls, said: str) -> str:
        if said not in QUICK:
            raise ValueError(f"one of {', '.join(QUICK)}")
        return said

    def report(self) -> Reported:
        """The report it makes: every one reloads the page, so that its time is that of the door before at the earliest."""
        quick = QUICK[self.said]
        return Reported(
            outcome=quick.outcome,
            happened_at=self.asked_at,
            method=quick.method,
            lost_reason=quick.lost_reason,
            note=self.note,
        )


@router.get("")
async def way(
    request: Request, resources: ResourcesDep, actor: Reporter, start: Annotated[Start, Query()]
) -> Response:
    """The unfinished leads in an order to go them, street by street."""
    await rates.count_read(resources, actor)
    plan = await canvass.plan(resources, actor, start.point())
    states = sorted({stop.state for stop in plan.stops})
    return render(
        request,
        "canvass.html",
        actor,
        plan=plan,
        streets=by_street(plan.stops),
        here=start.point() is not None,
        quick=QUICK,
        titles=TITLES,
        door_rules=DOOR_RULES,
        unsaid={state: do_not_say(state) for state in states},
        asked_at=resources.clock(),
        new_key=lambda: uuid4().hex,
        directions=directions,
        worker=asset_url("canvass-worker.js"),
    )


@router.post("/{sale_id}")
async def report(
    sale_id: UUID, resources: ResourcesDep, actor: Reporter, form: Annotated[DoorForm, Form()]
) -> Response:
    """Keep what was said at a door; the way again."""
    await rates.count_read(resources, actor)
    await outcomes.report(resources, actor, sale_id, form.report(), key=form.key)
    return go_to("/my/canvass")


def directions(stop: Stop) -> str:
    """Where a phone opens its way to a house: by its position, or else its address."""
    by_words = f"{stop.address}, {stop.city}, {stop.state} {stop.zip or ''}".strip()
    place: Any = by_words if stop.lat is None else f"{stop.lat},{stop.lng}"
    return f"https://www.google.com/maps/dir/?{urlencode({'api': 1, 'destination': place})}"
