"""The page on which an owner keeps the company's people."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from services.marketplace.api.auth import AuthDep
from services.marketplace.api.people import Colleague, CompanyRole, Invitation, Owner
from services.marketplace.domain.people import ROLES
from services.marketplace.pages.accounts import NO_ADDRESS
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import accounts, people, rates
from shared.errors import Conflict, TooManyRequests
from shared.runtime import ResourcesDep
from shared.security.policy import Actor

router = APIRouter(prefix="/my/people", tags=["pages"], default_response_class=Response)


@router.get("")
async def everybody(request: Request, resources: ResourcesDep, auth: AuthDep, actor: Colleague) -> Response:
    """Who works for the company here, who is invited, and the form that invites."""
    await rates.count_read(resources, actor)
    return await _page(request, resources, auth, actor)


@router.post("/invite")
async def invite(  # noqa: PLR0917 - the form's own fields
    request: Request,
    resources: ResourcesDep,
    auth: AuthDep,
    actor: Owner,
    email: Annotated[str, Form(max_length=320)],
    role: Annotated[str, Form(max_length=20)],
) -> Response:
    """An invitation on its way; the page again with what is wrong."""
    try:
        wish = Invitation.model_validate({"email": email, "role": role})
        await people.invite(resources, actor, wish.email, wish.role)
    except ValidationError:
        return await _page(request, resources, auth, actor, refusal=NO_ADDRESS, typed=email, status=422)
    except (Conflict, TooManyRequests) as refusal:
        return await _page(
            request, resources, auth, actor, refusal=refusal.detail, typed=email, status=refusal.status
        )
    return go_to("/my/people")


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(resources: ResourcesDep, actor: Owner, invitation_id: UUID) -> Response:
    """The invitation opens nothing any more."""
    await people.withdraw_invitation(resources, actor, invitation_id)
    return go_to("/my/people")


@router.post("/{person_id}/role")
async def change_role(
    resources: ResourcesDep, actor: Owner, person_id: UUID, role: Annotated[CompanyRole, Form()]
) -> Response:
    """The person has another role from its next log-in on."""
    await people.change_role(resources, actor, person_id, role)
    return go_to("/my/people")


@router.post("/{person_id}/remove")
async def remove(resources: ResourcesDep, actor: Owner, person_id: UUID) -> Response:
    """The person is let in no more."""
    await people.remove(resources, actor, person_id)
    return go_to("/my/people")


@router.post("/verification")
async def prove_address(auth: AuthDep, actor: Colleague) -> Response:
    """A link that proves the own address is mailed again."""
    await accounts.ask_verification(auth, actor)
    return go_to("/my/people?mailed=1")


async def _page(
    request: Request,
    resources: ResourcesDep,
    auth: AuthDep,
    actor: Actor,
    *,
    refusal: str | None = None,
    typed: str = "",
    status: int = 200,
) -> Response:
    company = await people.people(resources, actor)
    return render(
        request,
        "people.html",
        actor,
        status=status,
        company=company,
        me=await auth.me(actor),
        roles=ROLES,
        refusal=refusal,
        typed=typed,
        mailed="mailed" in request.query_params,
    )
