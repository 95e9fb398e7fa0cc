"""The operators' cities: what is worked on, how far it is, and why a step stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from services.marketplace.api.operations import Around, Operator, Reader
from services.marketplace.domain.work_verbs import WORDS, Verb, verbs_for
from services.marketplace.pages.live import Look, stream
from services.marketplace.pages.rendering import fragment, go_to, render
from services.marketplace.service import operations
from services.marketplace.service.operations import Neighbours
from shared.runtime import ResourcesDep
from shared.schemas.operations import CityLine, CityProgress
from shared.schemas.workflow_enums import WorkflowStatus

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)
City = Annotated[str, Path(min_length=1, max_length=100)]
State = Annotated[str, Path(pattern="^[A-Za-z]{2}$")]
RUNNING_SHOWN: Final = 10
NEVER: Final = "never_activated"


@router.get("/cities")
async def cities(request: Request, actor: Reader, around: Around) -> Response:
    """Every city with its state, and the activations that run."""
    found = await around.operations.cities()
    running = await running_cities(around, found)
    return render(request, "desk_cities.html", actor, cities=found, running=running)


@router.get("/cities/events")
async def running_events(resources: ResourcesDep, actor: Reader, around: Around) -> Response:
    """The activations that run, anew whenever they move."""
    found = await around.operations.cities()

    async def look() -> Look:
        await operations.require_session(resources, actor)
        running = await operations.known(running_cities(around, found))
        if running is None:
            return Look(None, ended=False)
        return Look(fragment("_running.html", running=running), ended=not running)

    return stream(look)


async def running_cities(around: Neighbours, cities: list[CityLine]) -> list[CityProgress]:
    """How far the activations are that run, newest first."""
    open_ones = await around.operations.workflows(kind="city", limit=RUNNING_SHOWN)
    named = {city.id: city for city in cities}
    running = [named[each.subject_id] for each in open_ones if each.subject_id in named]
    return list(
        await asyncio.gather(*(around.operations.progress(city.city, city.state) for city in running))
    )


@router.get("/cities/{city}/{state}")
async def one_city(request: Request, city: City, state: State, actor: Reader, around: Around) -> Response:
    """One city with its newest activation and what may be done."""
    progress, found = await asyncio.gather(
        around.operations.progress(city, state), around.operations.cities()
    )
    line = next(each for each in found if (each.city, each.state) == (progress.city, progress.state))
    return render(request, "desk_city.html", actor, city=line, progress=progress, live=is_live(progress))


@router.get("/cities/{city}/{state}/events")
async def city_events(
    city: City, state: State, resources: ResourcesDep, actor: Reader, around: Around
) -> Response:
    """A city's activation, anew whenever it moves."""
    await around.operations.progress(city, state)

    async def look() -> Look:
        await operations.require_session(resources, actor)
        progress = await operations.known(around.operations.progress(city, state))
        if progress is None:
            return Look(None, ended=False)
        return Look(fragment("_city_progress.html", progress=progress), ended=not is_live(progress))

    return stream(look)


def is_live(progress: CityProgress) -> bool:
    """Whether the activation goes on by itself."""
    return progress.status != NEVER and WorkflowStatus(progress.status).live()


@router.post("/cities/{city}/{state}/activate")
async def activate(city: City, state: State, actor: Operator, around: Around) -> Response:  # noqa: ARG001 - asked for by its right
    """Let the city be worked on and show how far it is."""
    await around.operations.activate(city, state)
    return go_to(_path(city, state))


@router.post("/cities/{city}/{state}/pause")
async def pause(city: City, state: State, actor: Operator, around: Around) -> Response:  # noqa: ARG001 - asked for by its right
    """Stop the city's work, keep its data and show it."""
    await around.operations.deactivate(city, state)
    return go_to(_path(city, state))


def _path(city: str, state: str) -> str:
    return f"/ops/cities/{quote(city, safe='')}/{quote(state, safe='')}"


@router.get("/workflows/{workflow_id}")
async def workflow(request: Request, workflow_id: UUID, actor: Reader, around: Around) -> Response:
    """One workflow: its steps, their tries with what went wrong, and what may be done."""
    found = await around.operations.workflow(workflow_id)
    verbs = [(verb, WORDS[verb]) for verb in verbs_for(found.status, paused=found.paused)]
    return render(request, "desk_workflow.html", actor, workflow=found, verbs=verbs)


@router.post("/workflows/{workflow_id}/{verb}")
async def act(workflow_id: UUID, verb: Verb, actor: Operator, around: Around) -> Response:  # noqa: ARG001 - asked for by its right
    """Do it and show the workflow."""
    await around.operations.act(workflow_id, verb)
    return go_to(f"/ops/workflows/{workflow_id}")
