"""The page on which a person sets up, or turns off, the second proof of its log-in."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response

from services.marketplace.api.auth import AuthDep, ClientDep, LoggedIn
from services.marketplace.domain.credentials import MAX_PASSWORD_CHARACTERS
from services.marketplace.pages.rendering import ENROLS_AT, go_to, render
from services.marketplace.service import second_factor
from services.marketplace.service.auth import Auth
from shared.errors import Conflict, NotAuthenticated, TooManyRequests
from shared.security.policy import ENROLMENT, Actor

router = APIRouter(prefix="/my/security", tags=["pages"], default_response_class=Response)

Password = Annotated[str, Form(max_length=MAX_PASSWORD_CHARACTERS)]
Code = Annotated[str, Form(max_length=40)]
REFUSALS = (NotAuthenticated, Conflict, TooManyRequests)
ANEW: Final = f"/api/auth/resume?{urlencode({'next': ENROLS_AT})}"
ON: Final = f"/api/auth/resume?{urlencode({'next': '/'})}"
"""This page, and the start, with a new access: what somebody of ours may do depends on whether codes are asked of it."""
UNPROCESSABLE = 422
"""Of a wrong password or code here: whoever typed it stays logged in."""


@router.get("")
async def security(request: Request, auth: AuthDep, actor: LoggedIn) -> Response:
    """Whether codes are asked for at log-in, and the form that changes it; the start once needed codes are set up."""
    if actor.only == ENROLMENT and (await second_factor.standing(auth, actor)).since is not None:
        return go_to(ON)
    return await _page(request, auth, actor)


@router.post("/begin")
async def begin(
    request: Request, auth: AuthDep, client: ClientDep, actor: LoggedIn, password: Password
) -> Response:
    """The secret for the phone, and the form for its first code."""
    try:
        setup = await second_factor.begin(auth, actor, password, client)
    except REFUSALS as refusal:
        return await _page(request, auth, actor, refusal=refusal)
    return await _page(request, auth, actor, setup=setup)


@router.post("/confirm")
async def confirm(
    request: Request, auth: AuthDep, client: ClientDep, actor: LoggedIn, code: Code
) -> Response:
    """The recovery codes, shown this once."""
    try:
        codes = await second_factor.confirm(auth, actor, code, client)
    except REFUSALS as refusal:
        return await _page(
            request, auth, actor, refusal=refusal, confirming=not isinstance(refusal, Conflict)
        )
    return await _page(request, auth, actor, codes=codes)


@router.post("/off")
async def turn_off(  # noqa: PLR0917 - the form's own fields
    request: Request, auth: AuthDep, client: ClientDep, actor: LoggedIn, password: Password, code: Code
) -> Response:
    """The page, on which no codes are asked for any more, with an access that says so too."""
    try:
        await second_factor.turn_off(auth, actor, password, code, client)
    except REFUSALS as refusal:
        return await _page(request, auth, actor, refusal=refusal)
    if auth.settings.staff_totp == "required":
        return go_to(ANEW)
    return await _page(request, auth, actor)


async def _page(
    request: Request,
    auth: Auth,
    actor: Actor,
    *,
    refusal: NotAuthenticated | Conflict | TooManyRequests | None = None,
    **shown: Any,
) -> Response:
    standing = await second_factor.standing(auth, actor)
    status = 200 if refusal is None else refusal.status
    return render(
        request,
        "security.html",
        actor,
        status=UNPROCESSABLE if isinstance(refusal, NotAuthenticated) else status,
        standing=standing,
        enrols=actor.only == ENROLMENT,
        go_on=ON,
        refusal=refusal.detail if refusal else None,
        **{"setup": None, "codes": None, "confirming": False, **shown},
    )
