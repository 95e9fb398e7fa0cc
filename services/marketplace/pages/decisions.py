"""The operators' log of decisions, and the switches that change them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response

from services.marketplace.api.decisions import DecisionQuery
from services.marketplace.api.operations import Around, Reader
from services.marketplace.domain.decision_log import KINDS, WORDS
from services.marketplace.pages.rendering import go_to, page_links, render
from services.marketplace.service import decisions
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.operations import Switch
from shared.security.policy import PERMISSIONS, Action, Actor

OF_A_STATE: Final = "kill.state."
router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)
Configurer = Annotated[Actor, require(Action.CONFIG_WRITE)]
PERIODS: Final = (1, 7, 30, 365)


@router.get("/decisions")
async def decision_log(
    request: Request, resources: ResourcesDep, actor: Reader, query: Annotated[DecisionQuery, Query()]
) -> Response:
    """What was allowed and denied lately, and why."""
    page = await decisions.decision_log(resources, actor, **query.model_dump())
    return render(
        request,
        "desk_decisions.html",
        actor,
        lines=page.items,
        query=query,
        kinds=KINDS,
        reasons=WORDS,
        periods=PERIODS,
        **page_links(request, page.next_cursor),
    )


@router.get("/switches")
async def switches(request: Request, actor: Reader, around: Around) -> Response:
    """Every switch of the platform with what it does: unusual ones first, untouched ones of states apart."""
    found = sorted(await around.operations.switches(), key=lambda each: (not each.unusual, each.key))
    return render(
        request,
        "desk_switches.html",
        actor,
        switches=[each for each in found if not _stands_apart(each)],
        of_states=[each for each in found if _stands_apart(each)],
        may_change=actor.role in PERMISSIONS[Action.CONFIG_WRITE],
    )


@router.post("/switches/{key}")
async def turn(
    key: str,
    actor: Configurer,  # noqa: ARG001 - asked for by its right
    around: Around,
    *,
    on: Annotated[bool, Form()],
) -> Response:
    """Turn one switch; every process follows within two seconds, and the audit log says who did it."""
    await around.operations.turn(key, on=on)
    return go_to("/ops/switches")


def _stands_apart(switch: Switch) -> bool:
    return switch.key.startswith(OF_A_STATE) and not switch.unusual
