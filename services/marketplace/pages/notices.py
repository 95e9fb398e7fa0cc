"""The page of a buyer's notices, and the count that the header of every page shows."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import AwareDatetime

from services.marketplace.api.notices import MOST, Buyer
from services.marketplace.domain.notices import NoticeGroup, NoticeSettings
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import notices, pushes, rates, texts
from shared.errors import RidgelineError
from shared.http.auth import public_route
from shared.runtime import Resources, ResourcesDep
from shared.security.policy import Actor

router = APIRouter(prefix="/my/notices", tags=["pages"], default_response_class=Response)
unsubscribe_router = APIRouter(prefix="/unsubscribe", tags=["pages"], default_response_class=Response)
GROUPS: Final = {
    NoticeGroup.LEADS: "Leads that wait for a report, storms at roofs you bought",
    NoticeGroup.TERRITORIES: "Territories offered to you or about to be lost",
    NoticeGroup.PLAN: "A plan that came free",
    NoticeGroup.ACCOUNT: "Checks of your company that ran out",
}


@router.get("")
async def own(request: Request, resources: ResourcesDep, actor: Buyer) -> Response:
    """What we told the company, newest first."""
    await rates.count_read(resources, actor)
    return await notices_page(request, resources, actor)


async def notices_page(
    request: Request, resources: Resources, actor: Actor, *, refusal: RidgelineError | None = None
) -> Response:
    """The page of notices; with `refusal`, as the answer to a form for texts that was not taken."""
    box = await notices.box(resources, actor, unread_only=False, limit=MOST)
    mailed = (await notices.mail_settings(resources, actor)).email
    told = {
        "box": box,
        "groups": GROUPS,
        "mailed": mailed,
        "push": await pushes.settings(resources, actor) if pushes.set_up(resources) else None,
        "texts": await texts.standing(resources, actor),
        "text_refusal": refusal.detail if refusal else None,
    }
    return render(request, "notices.html", actor, status=refusal.status if refusal else 200, **told)


@router.get("/unread")
async def unread(request: Request, resources: ResourcesDep, actor: Buyer) -> Response:
    """The count beside the header's link; not counted as a look, as every page asks for it."""
    return render(request, "_unread.html", actor, unread=await notices.unread(resources, actor))


@router.post("/read")
async def read_until(
    resources: ResourcesDep, actor: Buyer, until: Annotated[AwareDatetime, Form()]
) -> Response:
    """Every notice that the page showed was read; the page again."""
    await rates.count_read(resources, actor)
    await notices.read_until(resources, actor, until)
    return go_to("/my/notices")


@router.post("/settings")
async def set_mail(
    resources: ResourcesDep, actor: Buyer, email: Annotated[list[NoticeGroup] | None, Form()] = None
) -> Response:
    """Which notices come by e-mail as well; the page again."""
    await rates.count_read(resources, actor)
    await notices.set_mail(resources, actor, NoticeSettings(email=set(email or ())))
    return go_to("/my/notices#by-mail")


@unsubscribe_router.get("/{decision_id}")
@public_route("the link of a mail; it asks before it changes anything")
async def ask_unsubscribe(request: Request, decision_id: UUID) -> Response:
    """The page behind a mail's link: mail programs open links on their own, so it changes nothing."""
    return render(request, "unsubscribe.html", None, decision_id=decision_id, done=False)


@unsubscribe_router.post("/{decision_id}")
@public_route("RFC 8058: a mail program ends the notices without a log-in")
async def unsubscribe(request: Request, decision_id: UUID, resources: ResourcesDep) -> Response:
    """No more notices by e-mail; the same words whoever got the mail, or nobody."""
    await notices.unsubscribe(resources, decision_id)
    return render(request, "unsubscribe.html", None, decision_id=decision_id, done=True)
