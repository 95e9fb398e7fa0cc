"""The page on which a buyer sees how its own checklist stands, files papers and accepts the terms."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from starlette.datastructures import UploadFile

from services.marketplace.api.checks import Member, Owner, item_of
from services.marketplace.domain.checks import CHECKS
from services.marketplace.pages.rendering import go_to, may, render
from services.marketplace.service import checks, rates
from shared.errors import InvalidInput, RidgelineError, TooLarge
from shared.runtime import Resources, ResourcesDep
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/my/checks", tags=["pages"], default_response_class=Response)

KINDS: Final = {"application/pdf": "PDF", "image/png": "PNG", "image/jpeg": "JPEG"}
TITLES: Final = {item: check.title for item, check in CHECKS.items()}


@router.get("")
async def own(request: Request, resources: ResourcesDep, actor: Member) -> Response:
    """Every item, how it stands, what is missing in words, and the forms for it."""
    await rates.count_read(resources, actor)
    return await _page(request, resources, actor)


@router.post("/papers")
async def file_paper(request: Request, resources: ResourcesDep, actor: Owner) -> Response:
    """Back to the page, on which the paper stands; the page with the reason where it is not taken."""
    await rates.count_purchase(resources, actor)
    async with request.form(max_files=1, max_fields=3) as form:
        item, file = str(form.get("item") or ""), form.get("file")
        body = await file.read() if isinstance(file, UploadFile) else b""
    try:
        await checks.file_evidence(resources, actor, item=item_of(item), body=body)
    except (InvalidInput, TooLarge, checks.TooMuchEvidence) as refusal:
        return await _page(request, resources, actor, item=item, refusal=refusal)
    return go_to(router.prefix)


@router.post("/agreement")
async def accept(
    request: Request, resources: ResourcesDep, actor: Owner, *, version: Annotated[str, Form(max_length=50)]
) -> Response:
    """Back to the page, on which the terms are accepted; the page with the present version where that has changed."""
    await rates.count_read(resources, actor)
    try:
        await checks.accept_agreement(resources, actor, version)
    except checks.OldAgreement as refusal:
        return await _page(request, resources, actor, refusal=refusal)
    return go_to(router.prefix)


async def _page(
    request: Request,
    resources: Resources,
    actor: Actor,
    *,
    item: str = "",
    refusal: RidgelineError | None = None,
) -> Response:
    return render(
        request,
        "checks.html",
        actor,
        status=refusal.status if refusal else 200,
        checklist=await checks.own_checklist(resources, actor),
        owner=may(actor, Action.CONTRACTOR_UPDATE),
        megabytes=resources.settings.evidence_megabytes,
        item=item,
        titles=TITLES,
        kinds=KINDS,
        refusal=refusal.detail if refusal else None,
    )
