"""Pages of territories and of what a buyer sets for itself."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import ValidationError

from services.marketplace.api.preferences import Member as PreferenceReader
from services.marketplace.api.preferences import Owner as PreferenceWriter
from services.marketplace.api.queries import FormQuery
from services.marketplace.api.territories import Member, Operator, Owner, Reader, TakingBack, TerritoryQuery
from services.marketplace.domain.buying_terms import Preferences
from services.marketplace.domain.territories import Place
from services.marketplace.pages.rendering import go_to, page_links, render
from services.marketplace.service import rates, terms, territories
from shared.errors import InvalidInput
from shared.runtime import ResourcesDep
from shared.schemas.territory import TerritoryKind, TerritoryStatus

router = APIRouter(tags=["pages"], default_response_class=Response)


class DeskQuery(FormQuery, TerritoryQuery):
    """The same from a form: an empty field is no wish."""


NUMBER_WORDS: Final = (
    "Scores are 0 to 100, the lowest not above the highest; caps are whole numbers from 0 to 10,000."
)


@router.get("/my/territories")
async def own(request: Request, resources: ResourcesDep, actor: Member) -> Response:
    """What the company holds, waits for and could have, and what that does to prices."""
    await rates.count_read(resources, actor)
    board = await territories.own_board(resources, actor)
    return render(request, "territories.html", actor, board=board)


@router.post("/my/territories")
async def ask(  # noqa: PLR0917 - a form's fields
    resources: ResourcesDep,
    actor: Owner,
    kind: Annotated[TerritoryKind, Form()],
    city_id: Annotated[UUID, Form()],
    zip_code: Annotated[str, Form(alias="zip", max_length=5)] = "",
    cluster_id: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    """Ask for a place and go back to the board."""
    await rates.count_purchase(resources, actor)
    wish = {"kind": kind, "city_id": city_id, "zip": zip_code or None, "cluster_id": cluster_id or None}
    try:
        place = Place.model_validate(wish)
    except ValidationError as error:
        raise InvalidInput("place: choose a city, a ZIP of five digits or a cluster.") from error
    await territories.ask(resources, actor, place)
    return go_to("/my/territories")


@router.post("/my/territories/{territory_id}/accept")
async def accept(territory_id: UUID, resources: ResourcesDep, actor: Owner) -> Response:
    """Take an offered place."""
    await rates.count_purchase(resources, actor)
    await territories.accept(resources, actor, territory_id)
    return go_to("/my/territories")


@router.post("/my/territories/{territory_id}/give-up")
async def give_up(territory_id: UUID, resources: ResourcesDep, actor: Owner) -> Response:
    """Give up a holding, an offer or a place in line."""
    await rates.count_purchase(resources, actor)
    await territories.give_up(resources, actor, territory_id)
    return go_to("/my/territories")


@router.get("/my/preferences")
async def preferences(request: Request, resources: ResourcesDep, actor: PreferenceReader) -> Response:
    """Wanted scores and caps, and how much of them is used."""
    await rates.count_read(resources, actor)
    found = await terms.own_preferences(resources, actor)
    return render(request, "preferences.html", actor, preferences=found, refusal=None)


@router.post("/my/preferences")
async def set_preferences(  # noqa: PLR0917 - a form's fields
    request: Request,
    resources: ResourcesDep,
    actor: PreferenceWriter,
    preferred_score_min: Annotated[str, Form(max_length=6)] = "",
    preferred_score_max: Annotated[str, Form(max_length=6)] = "",
    daily_cap: Annotated[str, Form(max_length=6)] = "",
    weekly_cap: Annotated[str, Form(max_length=6)] = "",
) -> Response:
    """Set them all; an empty field is no limit."""
    await rates.count_purchase(resources, actor)
    typed = {
        "preferred_score_min": preferred_score_min.strip() or None,
        "preferred_score_max": preferred_score_max.strip() or None,
        "daily_cap": daily_cap.strip() or None,
        "weekly_cap": weekly_cap.strip() or None,
    }
    try:
        wanted = Preferences.model_validate(typed)
    except ValidationError:
        found = await terms.own_preferences(resources, actor)
        context: dict[str, Any] = {"preferences": found.model_copy(update=typed), "refusal": NUMBER_WORDS}
        return render(request, "preferences.html", actor, status=422, **context)
    await terms.set_preferences(resources, actor, wanted)
    return go_to("/my/preferences")


@router.get("/ops/territories")
async def desk(
    request: Request, query: Annotated[DeskQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Response:
    """Everybody's territories, newest first."""
    page = await territories.desk_page(resources, actor, **query.model_dump())
    return render(
        request,
        "desk_territories.html",
        actor,
        territories=page.items,
        query=query,
        statuses=list(TerritoryStatus),
        **page_links(request, page.next_cursor),
    )


@router.post("/ops/territories/{territory_id}/end")
async def take_back(
    territory_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    note: Annotated[str, Form(max_length=300)],
) -> Response:
    """End a territory and say why."""
    try:
        why = TakingBack.model_validate({"note": note})
    except ValidationError as error:
        raise InvalidInput("note: say in 1 to 255 characters why it ends.") from error
    await territories.take_back(resources, actor, territory_id, why.note)
    return go_to("/ops/territories")
