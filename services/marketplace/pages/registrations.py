"""The desk's page of registrations as a data broker: which states sell, until when, and the form for a new one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from services.marketplace.api.registrations import Operator, Reader, RegistrationForm
from services.marketplace.domain.registrations import Filing
from services.marketplace.pages.rendering import go_to, render
from services.marketplace.service import registrations
from shared.errors import Conflict, InvalidInput
from shared.runtime import Resources, ResourcesDep
from shared.schemas.text import Line
from shared.security.policy import Actor

router = APIRouter(prefix="/ops/registrations", tags=["pages"], default_response_class=Response)
BAD_FORM = "Type a state's two letters, the number, both days, and where the evidence lies."


@router.get("")
async def shown(request: Request, resources: ResourcesDep, actor: Reader) -> Response:
    """The states that demand registration, what is on file, and a form for a new one."""
    return await _page(request, resources, actor)


@router.post("")
async def record(  # noqa: PLR0917 - a field of the form each
    request: Request,
    resources: ResourcesDep,
    actor: Operator,
    state: Annotated[str, Form(max_length=20)],
    number: Annotated[str, Form(max_length=300)],
    filed_on: Annotated[str, Form(max_length=20)],
    expires_on: Annotated[str, Form(max_length=20)],
    note: Annotated[str, Form(max_length=400)],
) -> Response:
    """Put a registration on file; the form again with what is wrong in it."""
    typed = {"state": state, "number": number, "filed_on": filed_on, "expires_on": expires_on, "note": note}
    try:
        form = RegistrationForm.model_validate(typed)
        await registrations.record(resources, actor, Filing(**form.model_dump()))
    except ValidationError:
        return await _page(request, resources, actor, refusal=BAD_FORM)
    except (Conflict, InvalidInput) as refused:
        return await _page(request, resources, actor, refusal=refused.detail, status=refused.status)
    return go_to("/ops/registrations")


@router.post("/{registration_id}/withdrawal")
async def withdraw(
    registration_id: UUID, resources: ResourcesDep, actor: Operator, *, note: Annotated[Line, Form()]
) -> Response:
    """Take a registration out of force for good."""
    await registrations.withdraw(resources, actor, registration_id, note)
    return go_to("/ops/registrations")


async def _page(
    request: Request, resources: Resources, actor: Actor, *, refusal: str | None = None, status: int = 422
) -> Response:
    found = await registrations.everything(resources, actor)
    return render(
        request,
        "desk_registrations.html",
        actor,
        status=status if refusal else 200,
        found=found,
        refusal=refusal,
    )
