"""Sign-up, log-in, refresh, log-out and the current user.

A program gets its tokens in the answer and sends them as Bearer; a browser asks for cookies, which hold the
tokens out of reach of scripts, and proves each change with the CSRF token.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.marketplace.api.cookies import CSRF_COOKIE, REFRESH_COOKIE, forget_session, keep_session
from services.marketplace.domain.credentials import MAX_PASSWORD_CHARACTERS
from services.marketplace.domain.second_factor import HalfSession
from services.marketplace.service import second_factor
from services.marketplace.service.auth import Auth, Client, Registration, Session
from shared.db.models.users import User
from shared.errors import NotAuthenticated
from shared.http.auth import CSRF_HEADER, CsrfRefused, public_route, require
from shared.runtime import ResourcesDep
from shared.schemas.contractor import ContractorCreate
from shared.schemas.enums import UserRole
from shared.schemas.text import Email, Line
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api/auth", tags=["auth"])

Secret = Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD_CHARACTERS)]


Code = Annotated[str, Field(min_length=6, max_length=20)]


class Form(BaseModel):
    """A body that holds its fields and nothing else."""

    model_config = ConfigDict(extra="forbid")


class RegisterForm(Form):
    """A person and the company they sign up."""

    email: Email
    password: Secret
    full_name: Line | None = None
    company: ContractorCreate


class LoginForm(Form):
    """Who logs in, and how the session is to be kept."""

    email: Email
    password: Secret
    keep: Literal["tokens", "cookies"] = "tokens"


class CodeForm(Form):
    """What comes after the password where a code is asked for: one of the phone, or a recovery code."""

    half_session: Annotated[SecretStr, Field(min_length=1, max_length=200)]
    code: Code
    keep: Literal["tokens", "cookies"] = "tokens"


class PasswordForm(Form):
    """The password once more, of somebody who is logged in."""

    password: Secret


class ConfirmForm(Form):
    """A code of the phone that was just set up."""

    code: Code


class OffForm(PasswordForm):
    """Both proofs once more."""

    code: Code


class RefreshForm(Form):
    """The refresh token; left out where a cookie holds it."""

    refresh_token: Annotated[SecretStr, Field(min_length=20, max_length=200)] | None = None


class UserView(BaseModel):
    """A user as it sees itself."""

    id: UUID
    email: str
    full_name: str | None
    role: UserRole
    contractor_id: UUID | None
    created_at: datetime


class SessionView(BaseModel):
    """A session; the tokens are null where cookies hold them."""

    user: UserView
    expires_at: datetime
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the word of OAuth, no secret
    access_token: str | None = None
    refresh_token: str | None = None
    csrf_token: str | None = None


class HalfSessionView(BaseModel):
    """The password was right and a code is asked for: POST /api/auth/login/code with both."""

    half_session: str
    expires_at: datetime


class StandingView(BaseModel):
    """Whether codes are asked for at log-in: since when, null for not."""

    since: datetime | None
    recovery_codes_left: int


class SetupView(BaseModel):
    """A secret for a phone, shown this once; codes are asked for once one of it was confirmed."""

    secret: str
    uri: str


class RecoveryCodes(BaseModel):
    """Codes for a lost phone, each good once; shown this once."""

    recovery_codes: list[str]


async def auth_of(resources: ResourcesDep) -> Auth:
    """The verbs of this process."""
    auth: Auth = resources.own.auth
    return auth


async def client_of(request: Request) -> Client:
    """Who is connected."""
    address = request.client.host if request.client else "unknown"
    return Client(address, request.headers.get("user-agent", "")[:300])


AuthDep = Annotated[Auth, Depends(auth_of)]
ClientDep = Annotated[Client, Depends(client_of)]
LoggedIn = Annotated[Actor, require(Action.ACCOUNT_READ)]


@router.post("/register", status_code=201)
@public_route("sign-up")
async def register(form: RegisterForm, auth: AuthDep, client: ClientDep) -> UserView:
    """A new account: its company and the person who owns it."""
    new = Registration(form.email, form.password.get_secret_value(), form.full_name, form.company)
    return _user(await auth.register(new, client))


@router.post("/login")
@public_route("log-in")
async def login(
    form: LoginForm, auth: AuthDep, client: ClientDep, response: Response
) -> SessionView | HalfSessionView:
    """A session for the right password, half of one where a code is asked for too; the same 401 for any wrong pair."""
    session = await auth.login(form.email, form.password.get_secret_value(), client)
    if isinstance(session, HalfSession):
        response.headers["Cache-Control"] = "no-store"
        until = datetime.fromtimestamp(session.until / 1000, UTC)
        return HalfSessionView(half_session=session.token, expires_at=until)
    return _answer(session, response, auth, in_cookies=form.keep == "cookies")


@router.post("/login/code")
@public_route("the second step of a log-in")
async def finish_login(form: CodeForm, auth: AuthDep, client: ClientDep, response: Response) -> SessionView:
    """The session of a half one and a right code, which is spent."""
    session = await auth.finish_login(form.half_session.get_secret_value(), form.code, client)
    return _answer(session, response, auth, in_cookies=form.keep == "cookies")


@router.get("/second-factor")
async def standing(actor: LoggedIn, auth: AuthDep) -> StandingView:
    """Whether this person is asked for codes."""
    return StandingView.model_validate(await second_factor.standing(auth, actor), from_attributes=True)


@router.post("/second-factor")
async def begin(
    form: PasswordForm, actor: LoggedIn, auth: AuthDep, client: ClientDep, response: Response
) -> SetupView:
    """A secret for this person's phone."""
    response.headers["Cache-Control"] = "no-store"
    setup = await second_factor.begin(auth, actor, form.password.get_secret_value(), client)
    return SetupView.model_validate(setup, from_attributes=True)


@router.post("/second-factor/confirm")
async def confirm(
    form: ConfirmForm, actor: LoggedIn, auth: AuthDep, client: ClientDep, response: Response
) -> RecoveryCodes:
    """Codes are asked for from now on."""
    response.headers["Cache-Control"] = "no-store"
    return RecoveryCodes(recovery_codes=await second_factor.confirm(auth, actor, form.code, client))


@router.post("/second-factor/off", status_code=204)
async def turn_off(form: OffForm, actor: LoggedIn, auth: AuthDep, client: ClientDep) -> None:
    """No codes are asked for any more."""
    await second_factor.turn_off(auth, actor, form.password.get_secret_value(), form.code, client)


@router.post("/refresh")
@public_route("the refresh token is the proof")
async def refresh(
    request: Request, auth: AuthDep, client: ClientDep, response: Response, form: RefreshForm | None = None
) -> SessionView:
    """New tokens for a refresh token, which is worth nothing afterwards."""
    if form is not None and form.refresh_token is not None:
        session = await auth.refresh(form.refresh_token.get_secret_value(), client)
        return _answer(session, response, auth, in_cookies=False)
    session = await auth.refresh(_cookie_token(request), client)
    return _answer(session, response, auth, in_cookies=True)


@router.post("/logout", status_code=204)
async def logout(actor: LoggedIn, auth: AuthDep, response: Response) -> None:
    """End this session."""
    await auth.logout(actor)
    forget_session(response)


@router.get("/me")
async def me(actor: LoggedIn, auth: AuthDep) -> UserView:
    """The logged-in user."""
    return _user(await auth.me(actor))


def _user(user: User) -> UserView:
    return UserView.model_validate(user, from_attributes=True)


def _cookie_token(request: Request) -> str:
    """The refresh token of a browser, which must repeat its CSRF cookie in a header that forms cannot send."""
    token = request.cookies.get(REFRESH_COOKIE)
    if not token:
        raise NotAuthenticated("A refresh token is needed.")
    cookie, header = request.cookies.get(CSRF_COOKIE, ""), request.headers.get(CSRF_HEADER, "")
    if not cookie or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise CsrfRefused(f"A session kept in cookies is refreshed with the {CSRF_HEADER} header.")
    return token


def _answer(session: Session, response: Response, auth: Auth, *, in_cookies: bool) -> SessionView:
    response.headers["Cache-Control"] = "no-store"
    view = SessionView(user=_user(session.user), expires_at=session.access.expires_at)
    if not in_cookies:
        tokens = {"access_token": session.access.token, "refresh_token": session.refresh_token}
        return view.model_copy(update=tokens)
    keep_session(response, session, secure=auth.settings.cookie_secure)
    return view.model_copy(update={"csrf_token": session.csrf_token})
