"""What others ask of us and an operator answers: returned leads, privacy requests, uploaded leads with two contacts."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response

from services.marketplace.api.operations import Operator, Reader
from services.marketplace.api.queries import WorkQuery
from services.marketplace.domain.privacy import RULES, Decision, decisions_for
from services.marketplace.domain.privacy_views import PrivacyRequestView
from services.marketplace.domain.returns import REASONS
from services.marketplace.pages.rendering import go_to, page_links, render
from services.marketplace.service import operations, privacy, reactivation, returns
from shared.runtime import ResourcesDep
from shared.schemas.page import DEFAULT_ITEMS
from shared.schemas.sale_enums import ReturnStatus
from shared.schemas.text import Line

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)
DECISIONS: Final = {
    "erase": "It is theirs: erase it",
    "complete": "It is done",
    "refuse": "Refuse",
    "extend": "Take the longer deadline",
}


@router.get("/returns")
async def all_returns(
    request: Request,
    resources: ResourcesDep,
    actor: Reader,
    query: Annotated[WorkQuery, Query()],
) -> Response:
    """Returns to decide, or every one, newest first."""
    status = None if query.all_of_them else ReturnStatus.OPEN
    page = await returns.all_returns(
        resources, actor, status=status, cursor=query.cursor, limit=DEFAULT_ITEMS
    )
    names = await operations.company_names(resources, {each.contractor_id for each in page.items})
    return render(
        request,
        "desk_returns.html",
        actor,
        returns=page.items,
        names=names,
        reasons=REASONS,
        all_of_them=query.all_of_them,
        **page_links(request, page.next_cursor),
    )


@router.post("/returns/{return_id}")
async def decide_return(
    return_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    decision: Annotated[Literal["accept", "refuse"], Form()],
    note: Annotated[Line, Form()],
) -> Response:
    """Decide a return and show what is left."""
    await returns.decide_return(resources, actor, return_id, decision=decision, note=note)
    return go_to("/ops/returns")


@router.get("/privacy")
async def requests(
    request: Request,
    resources: ResourcesDep,
    actor: Reader,
    query: Annotated[WorkQuery, Query()],
) -> Response:
    """Open requests, the first deadline first; or every one, newest first."""
    if query.all_of_them:
        page = await privacy.all_requests(
            resources, actor, only_open=False, cursor=query.cursor, limit=DEFAULT_ITEMS
        )
        shown, more = page.items, page.next_cursor
    else:
        shown, more = await privacy.open_requests(resources, actor), None
    return render(
        request,
        "desk_privacy.html",
        actor,
        requests=[(each, choices(each)) for each in shown],
        rules=RULES,
        now=resources.clock(),
        all_of_them=query.all_of_them,
        **page_links(request, more),
    )


def choices(asked: PrivacyRequestView) -> list[tuple[str, str]]:
    """The decisions that a request takes now, in words."""
    taken = decisions_for(asked.kind, asked.status, extended=asked.extended_at is not None)
    return [(decision, DECISIONS[decision]) for decision in taken]


@router.post("/privacy/{request_id}/person")
async def person(request: Request, request_id: UUID, resources: ResourcesDep, actor: Operator) -> Response:
    """Who asks, to compare with what proves it; the look is written down, so it takes a form."""
    found = await privacy.open_person(resources, actor, request_id)
    open_ones = await privacy.open_requests(resources, actor)
    asked = next((each for each in open_ones if each.id == request_id), None)
    return render(
        request,
        "desk_person.html",
        actor,
        person=found,
        asked=asked,
        request_id=request_id,
        choices=choices(asked) if asked else [],
    )


@router.post("/privacy/{request_id}")
async def decide_request(
    request_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    decision: Annotated[Decision, Form()],
    note: Annotated[Line, Form()],
) -> Response:
    """Decide a request and show what is left."""
    await privacy.decide(resources, actor, request_id, decision=decision, note=note)
    return go_to("/ops/privacy")


@router.get("/conflicts")
async def conflicts(request: Request, resources: ResourcesDep, actor: Reader) -> Response:
    """Uploaded leads whose phone and e-mail are several contacts, oldest first."""
    found = await reactivation.conflicts(resources, actor)
    full = len(found) == reactivation.CONFLICTS_SHOWN
    return render(request, "desk_conflicts.html", actor, conflicts=found, full=full)


@router.post("/conflicts/{conflict_id}")
async def resolve(
    conflict_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    contact_id: Annotated[str, Form(min_length=1, max_length=100)],
) -> Response:
    """Say which contact the lead is and show what is left."""
    await reactivation.resolve(resources, actor, conflict_id, contact_id)
    return go_to("/ops/conflicts")
