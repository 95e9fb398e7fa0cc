"""The operators' buyers: companies with papers to decide, one company's checklist, its seeds' alarms, and charge-backs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request, Response

from services.marketplace.api.operations import Operator, Reader
from services.marketplace.api.queries import FormQuery, WorkQuery
from services.marketplace.domain.checks import CHECKS, Verdict
from services.marketplace.domain.seeds import NewSeed, NewSighting, Settlement
from services.marketplace.pages.rendering import go_to, page_links, render
from services.marketplace.service import cases, checks, operations, seeds
from shared.http.idempotency import KEY_PATTERN
from shared.runtime import ResourcesDep
from shared.schemas.buyer_enums import CaseOutcome, CheckItem, CheckValue
from shared.schemas.page import DEFAULT_ITEMS
from shared.schemas.text import Email, Line

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)
OUTCOMES: Final = {
    CaseOutcome.RELEASED: "Let the company buy again",
    CaseOutcome.ENDED: "Take its credentials: it is no buyer any more",
}


class ItemForm(FormQuery):
    """An operator's word about one item, as a form sends it."""

    value: CheckValue
    expires_on: date | None = None
    evidence_id: UUID | None = None
    note: Line


@router.get("/buyers")
async def buyers(
    request: Request,
    resources: ResourcesDep,
    actor: Reader,
    query: Annotated[WorkQuery, Query()],
) -> Response:
    """Companies with a paper that nobody has decided on, or every one that signed up."""
    page = await operations.buyers(
        resources, actor, waiting=not query.all_of_them, cursor=query.cursor, limit=DEFAULT_ITEMS
    )
    return render(
        request,
        "desk_buyers.html",
        actor,
        buyers=page.items,
        all_of_them=query.all_of_them,
        **page_links(request, page.next_cursor),
    )


@router.get("/buyers/{contractor_id}")
async def buyer(request: Request, contractor_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """One company's checklist, its papers, and what may be decided."""
    checklist = await checks.desk_checklist(resources, actor, contractor_id)
    names = await operations.company_names(resources, [contractor_id])
    return render(
        request,
        "desk_buyer.html",
        actor,
        company=names[contractor_id],
        checklist=checklist,
        rules=CHECKS,
        owners_own=CheckItem.AGREEMENT,
        seeds=await seeds.of_buyer(resources, actor, contractor_id),
        new_key=uuid4().hex,
    )


@router.post("/buyers/{contractor_id}/checks/{item}")
async def decide_item(
    contractor_id: UUID,
    item: CheckItem,
    form: Annotated[ItemForm, Form()],
    resources: ResourcesDep,
    actor: Operator,
) -> Response:
    """Say how one item stands and show the company."""
    verdict = Verdict(**form.model_dump())
    await checks.decide_item(resources, actor, contractor_id, item, verdict)
    return go_to(f"/ops/buyers/{contractor_id}")


@router.post("/buyers/{contractor_id}/credentials")
async def decide_credentials(
    contractor_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    decision: Annotated[Literal["credential", "withdraw"], Form()],
    note: Annotated[Line, Form()],
) -> Response:
    """Let the company buy, or end that, and show it."""
    await checks.decide_credentials(resources, actor, contractor_id, decision=decision, note=note)
    return go_to(f"/ops/buyers/{contractor_id}")


@router.post("/buyers/{contractor_id}/seeds")
async def plant_seed(
    contractor_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    note: Annotated[Line, Form()],
    key: Annotated[str, Form(min_length=8, max_length=255, pattern=KEY_PATTERN)],
) -> Response:
    """Plant a seed for the company's next file, one a shown form, and show the company."""
    await seeds.plant(resources, actor, contractor_id, NewSeed(reason=note), key=key)
    return go_to(f"/ops/buyers/{contractor_id}")


@router.post("/seeds/{seed_id}/sightings")
async def sight_seed(
    seed_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    sender: Annotated[Email, Form()],
    seen_at: Annotated[datetime, Form()],
    note: Annotated[Line, Form()],
) -> Response:
    """Note a mail that reached a seed, its time as a form sends it in UTC, and show the company."""
    seen = NewSighting(sender=sender, seen_at=seen_at.replace(tzinfo=seen_at.tzinfo or UTC), note=note)
    seed = await seeds.sight(resources, actor, seed_id, seen)
    return go_to(f"/ops/buyers/{seed.contractor_id}")


@router.post("/seeds/{seed_id}/settlement")
async def settle_alarm(
    seed_id: UUID, resources: ResourcesDep, actor: Operator, *, note: Annotated[Line, Form()]
) -> Response:
    """Settle a seed's alarm and show its company."""
    seed = await seeds.settle(resources, actor, seed_id, Settlement(note=note))
    return go_to(f"/ops/buyers/{seed.contractor_id}")


@router.get("/seeds")
async def alarms(
    request: Request,
    resources: ResourcesDep,
    actor: Reader,
    query: Annotated[WorkQuery, Query()],
) -> Response:
    """Seed alarms to settle, or every one, newest first."""
    settled = None if query.all_of_them else False
    page = await seeds.alarms(resources, actor, settled=settled, cursor=query.cursor, limit=DEFAULT_ITEMS)
    names = await operations.company_names(resources, {seed.contractor_id for seed in page.items})
    return render(
        request,
        "desk_seeds.html",
        actor,
        seeds=page.items,
        names=names,
        all_of_them=query.all_of_them,
        **page_links(request, page.next_cursor),
    )


@router.get("/cases")
async def all_cases(
    request: Request,
    resources: ResourcesDep,
    actor: Reader,
    query: Annotated[WorkQuery, Query()],
) -> Response:
    """Charge-backs to settle, or every one, newest first."""
    settled = None if query.all_of_them else False
    page = await cases.list_cases(resources, actor, settled=settled, cursor=query.cursor, limit=DEFAULT_ITEMS)
    names = await operations.company_names(resources, {case.contractor_id for case in page.items})
    return render(
        request,
        "desk_cases.html",
        actor,
        cases=page.items,
        names=names,
        outcomes=OUTCOMES,
        all_of_them=query.all_of_them,
        **page_links(request, page.next_cursor),
    )


@router.post("/cases/{case_id}")
async def settle(
    case_id: UUID,
    resources: ResourcesDep,
    actor: Operator,
    *,
    outcome: Annotated[CaseOutcome, Form()],
    note: Annotated[Line, Form()],
) -> Response:
    """Settle a charge-back and show what is left."""
    await cases.settle_case(resources, actor, case_id, outcome=outcome, note=note)
    return go_to("/ops/cases")
