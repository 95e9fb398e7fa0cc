"""An address proven, a password set anew, a company joined: each by a link that was mailed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, SecretStr

from services.marketplace.api.auth import AuthDep, ClientDep, Form, LoggedIn, Secret, UserView
from services.marketplace.domain.accounts import TOKEN_CHARACTERS
from services.marketplace.service import accounts
from shared.http.auth import public_route
from shared.schemas.text import Email, Line

router = APIRouter(prefix="/api/auth", tags=["auth"])
MailedToken = Annotated[SecretStr, Field(min_length=1, max_length=2 * TOKEN_CHARACTERS)]


class ForgotForm(Form):
    """The address whose password is forgotten."""

    email: Email


class TokenForm(Form):
    """The token of a mailed link."""

    token: MailedToken


class ResetForm(TokenForm):
    """The token and the new password."""

    password: Secret


class JoinForm(ResetForm):
    """The token of an invitation and who takes it."""

    full_name: Line | None = None


@router.post("/forgot", status_code=202)
@public_route("who has forgotten a password cannot log in")
async def forgot(form: ForgotForm, auth: AuthDep, client: ClientDep) -> None:
    """A link is mailed if the address has an account; the same answer if not."""
    await accounts.ask_reset(auth, form.email, client)


@router.post("/reset", status_code=204)
@public_route("the mailed link is the proof")
async def reset(form: ResetForm, auth: AuthDep, client: ClientDep) -> None:
    """The password is changed, the link spent, every session ended."""
    token, password = form.token.get_secret_value(), form.password.get_secret_value()
    await accounts.reset_password(auth, token, password, client)


@router.post("/verification", status_code=202)
async def send_verification(actor: LoggedIn, auth: AuthDep) -> None:
    """A link that proves the own address is mailed again, unless it is proven."""
    await accounts.ask_verification(auth, actor)


@router.post("/verify", status_code=204)
@public_route("the mailed link is the proof")
async def verify(form: TokenForm, auth: AuthDep, client: ClientDep) -> None:
    """The address is proven."""
    await accounts.verify_email(auth, form.token.get_secret_value(), client)


@router.post("/join", status_code=201)
@public_route("the mailed link is the proof")
async def join(form: JoinForm, auth: AuthDep, client: ClientDep) -> UserView:
    """The new colleague, who can log in now."""
    token, password = form.token.get_secret_value(), form.password.get_secret_value()
    user = await accounts.join(auth, token, password, client, full_name=form.full_name)
    return UserView.model_validate(user, from_attributes=True)
