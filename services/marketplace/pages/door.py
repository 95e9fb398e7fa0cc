"""The way in and out: log-in, log-out, a session that goes on, the first page, and the files that pages load."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import ValidationError

from services.marketplace.api.auth import AuthDep, ClientDep, LoggedIn
from services.marketplace.api.cookies import (
    CSRF_COOKIE,
    REFRESH_COOKIE,
    forget_session,
    keep_session,
    refuse_foreign,
)
from services.marketplace.domain.credentials import MAX_PASSWORD_CHARACTERS, WeakPassword
from services.marketplace.domain.second_factor import HalfSession, WrongCode
from services.marketplace.pages.rendering import (
    ASSETS,
    ENROLS_AT,
    form_page,
    go_to,
    local_path,
    places_of,
    render,
)
from services.marketplace.pages.signup import SignUp, faults_of
from services.marketplace.service.auth import Auth, EmailTaken, RefreshCrossed, Session
from shared.errors import (
    NotAuthenticated,
    NotFound,
    TooManyRequests,
)
from shared.http.auth import authenticate, public_route
from shared.security.policy import ENROLMENT

router = APIRouter(tags=["pages"], default_response_class=Response)

ALWAYS = "public, max-age=31536000, immutable"
WORKERS: Final = {"canvass-worker.js": "/my/canvass", "push-worker.js": "/my/notices"}
"""Scripts that may answer for pages, each for those below one path."""
Next = Annotated[str | None, Query(alias="next", max_length=500)]


@router.get("/")
@public_route("what we do, for whoever has not signed up")
async def start(request: Request) -> Response:
    """What we do; the first page of whoever is logged in."""
    try:
        actor = (await authenticate(request)).actor
    except NotAuthenticated:
        # A session outlives its access: its own cookie tells, without which nobody is sent to the form.
        known = CSRF_COOKIE in request.cookies
        return go_to("/api/auth/resume?next=%2F") if known else render(request, "landing.html", None)
    if actor.only == ENROLMENT:
        return go_to(ENROLS_AT)
    places = places_of(actor)
    return go_to(places[0].path) if places else render(request, "landing.html", actor)


@router.get("/signup")
@public_route("sign-up")
async def signup_page(request: Request, plan: Annotated[str, Query(max_length=20)] = "") -> Response:
    """The sign-up form; `plan` is chosen already."""
    return form_page(request, "signup.html", {"radius_miles": "25", "plan": plan})


@router.post("/signup")
@public_route("sign-up")
async def signup(
    request: Request, auth: AuthDep, client: ClientDep, answers: Annotated[SignUp, Form()]
) -> Response:
    """A new account, logged in and at the leads; the form again with what is wrong in it."""
    refuse_foreign(request)
    values = answers.model_dump(exclude={"password"})
    try:
        new = answers.registration()
    except ValidationError as error:
        return form_page(request, "signup.html", values, errors=faults_of(error))
    try:
        await auth.register(new, client)
        session = await auth.login(new.email, new.password, client)
        if isinstance(session, HalfSession):  # nobody of a new account has set one up
            return go_to("/login")
    except (EmailTaken, WeakPassword, TooManyRequests) as refusal:
        return form_page(request, "signup.html", values, refusal=refusal)
    answer = go_to(answers.first_page())
    keep_session(answer, session, secure=auth.settings.cookie_secure)
    return answer


@router.get("/login")
@public_route("the way in")
async def login_page(request: Request, wanted: Next = None) -> Response:
    """The log-in form; whoever is logged in goes on."""
    try:
        await authenticate(request)
    except NotAuthenticated:
        return render(request, "login.html", None, wanted=local_path(wanted), email="", refusal=None)
    return go_to(local_path(wanted))


@router.post("/login")
@public_route("the way in")
async def login(
    request: Request,
    auth: AuthDep,
    client: ClientDep,
    *,
    email: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=MAX_PASSWORD_CHARACTERS)],
    wanted: Annotated[str | None, Form(alias="next", max_length=500)] = None,
) -> Response:
    """A session in cookies and the page that was wanted; the form again, in the same words, for any wrong pair."""
    refuse_foreign(request)
    try:
        session = await auth.login(email.strip(), password, client)
    except (NotAuthenticated, TooManyRequests) as refusal:
        values = {"wanted": local_path(wanted), "email": email, "refusal": refusal.detail}
        return render(request, "login.html", None, status=refusal.status, **values)
    if isinstance(session, HalfSession):
        return render(
            request, "login_code.html", None, wanted=local_path(wanted), half=session.token, refusal=None
        )
    return _entered(auth, session, wanted)


@router.post("/login/code")
@public_route("the second step of a log-in")
async def finish_login(
    request: Request,
    auth: AuthDep,
    client: ClientDep,
    *,
    half: Annotated[str, Form(max_length=200)],
    code: Annotated[str, Form(max_length=40)],
    wanted: Annotated[str | None, Form(alias="next", max_length=500)] = None,
) -> Response:
    """The session of a half one and a right code; the form again for a wrong one."""
    refuse_foreign(request)
    try:
        session = await auth.finish_login(half, code, client)
    except (WrongCode, TooManyRequests) as refusal:
        values = {"wanted": local_path(wanted), "half": half, "refusal": refusal.detail}
        return render(request, "login_code.html", None, status=refusal.status, **values)
    return _entered(auth, session, wanted)


@router.get("/api/auth/resume")
@public_route("the refresh token is the proof")
async def resume(request: Request, auth: AuthDep, client: ClientDep, wanted: Next = None) -> Response:
    """Go on with a session whose access has run out; to the log-in form where it has ended."""
    token, page = request.cookies.get(REFRESH_COOKIE), local_path(wanted)
    door = go_to(f"/login?{urlencode({'next': page})}")
    try:
        session = await auth.refresh(token or "", client)
    except RefreshCrossed:
        return door  # another tab has just refreshed: its cookies open the door
    except NotAuthenticated:
        forget_session(door)
        return door
    answer = go_to(page)
    keep_session(answer, session, secure=auth.settings.cookie_secure)
    return answer


@router.post("/logout")
async def logout(actor: LoggedIn, auth: AuthDep) -> Response:
    """End this session and go to the door."""
    await auth.logout(actor)
    answer = go_to("/login")
    forget_session(answer)
    return answer


@router.get("/static/{path:path}")
@public_route("stylesheet and scripts hold nothing of anybody")
async def static(path: str) -> Response:
    """One file that pages load; its address changes with its content."""
    asset = ASSETS.get(path)
    if asset is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": ALWAYS, "X-Content-Type-Options": "nosniff"}
    if path in WORKERS:
        headers["Service-Worker-Allowed"] = WORKERS[path]
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def _entered(auth: Auth, session: Session, wanted: str | None) -> Response:
    """The page that was wanted, with the session in cookies; the set-up of codes where nothing else opens."""
    answer = go_to(ENROLS_AT if session.enrols else local_path(wanted))
    keep_session(answer, session, secure=auth.settings.cookie_secure)
    return answer
