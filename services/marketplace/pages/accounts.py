"""Pages behind mailed links: a forgotten password, an address to prove, an invitation to take."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import TypeAdapter, ValidationError

from services.marketplace.api.accounts import ForgotForm
from services.marketplace.api.auth import AuthDep, ClientDep
from services.marketplace.api.cookies import refuse_foreign
from services.marketplace.domain.accounts import TOKEN_CHARACTERS
from services.marketplace.domain.credentials import MAX_PASSWORD_CHARACTERS, WeakPassword
from services.marketplace.pages.rendering import form_page, render
from services.marketplace.service import accounts
from services.marketplace.service.auth import EmailTaken
from shared.errors import InvalidInput, TooManyRequests
from shared.http.auth import public_route
from shared.schemas.account_enums import LinkKind
from shared.schemas.text import Line

router = APIRouter(tags=["pages"], default_response_class=Response)

Token = Annotated[str, Path(max_length=2 * TOKEN_CHARACTERS)]
Password = Annotated[str, Form(max_length=MAX_PASSWORD_CHARACTERS)]
NAME: Final[TypeAdapter[str | None]] = TypeAdapter(Line | None)
NO_NAME: Final = "Type your name in one line, without signs that cannot be seen."
NO_ADDRESS: Final = "Type an e-mail address, as in pat@roofs.com."


@router.get("/forgot")
@public_route("who has forgotten a password cannot log in")
async def forgot_page(request: Request) -> Response:
    """The form that asks for the address."""
    return form_page(request, "forgot.html", {"email": ""})


@router.post("/forgot")
@public_route("who has forgotten a password cannot log in")
async def forgot(
    request: Request, auth: AuthDep, client: ClientDep, email: Annotated[str, Form(max_length=320)]
) -> Response:
    """What happens now, in the same words for every address."""
    refuse_foreign(request)
    values = {"email": email}
    try:
        form = ForgotForm.model_validate(values)
        await accounts.ask_reset(auth, form.email, client)
    except ValidationError:
        return form_page(request, "forgot.html", values, {"email": NO_ADDRESS})
    except TooManyRequests as refusal:
        return form_page(request, "forgot.html", values, refusal=refusal)
    return _told(
        request, "Look into your mail", f"If {email.strip()} has an account, a link is on its way to it."
    )


@router.get("/reset/{token}")
@public_route("the mailed link is the proof")
async def reset_page(request: Request, token: Token, auth: AuthDep, client: ClientDep) -> Response:
    """The form for the new password."""
    await accounts.read_link(auth, LinkKind.RESET, token, client)
    return form_page(request, "reset.html", {})


@router.post("/reset/{token}")
@public_route("the mailed link is the proof")
async def reset(
    request: Request, token: Token, auth: AuthDep, client: ClientDep, password: Password
) -> Response:
    """The password is changed; the form again for one that would be guessed."""
    refuse_foreign(request)
    try:
        await accounts.reset_password(auth, token, password, client)
    except WeakPassword as refusal:
        return form_page(request, "reset.html", {}, refusal=refusal)
    return _told(
        request, "Your password is changed", "Every session of before has ended. Log in with the new one."
    )


@router.get("/verify/{token}")
@public_route("the mailed link is the proof")
async def verify_page(request: Request, token: Token, auth: AuthDep, client: ClientDep) -> Response:
    """A button: programs that open every link of a mail must not prove an address."""
    link = await accounts.read_link(auth, LinkKind.VERIFY, token, client)
    return form_page(request, "verify.html", {"email": link.email})


@router.post("/verify/{token}")
@public_route("the mailed link is the proof")
async def verify(request: Request, token: Token, auth: AuthDep, client: ClientDep) -> Response:
    """The address is proven."""
    refuse_foreign(request)
    await accounts.verify_email(auth, token, client)
    return _told(request, "Your address is confirmed", "You can invite your colleagues now.")


@router.get("/join/{token}")
@public_route("the mailed link is the proof")
async def join_page(request: Request, token: Token, auth: AuthDep, client: ClientDep) -> Response:
    """The form of an invited colleague."""
    link = await accounts.read_link(auth, LinkKind.INVITE, token, client)
    return form_page(request, "join.html", {"email": link.email, "full_name": ""})


@router.post("/join/{token}")
@public_route("the mailed link is the proof")
async def join(
    request: Request,
    token: Token,
    auth: AuthDep,
    client: ClientDep,
    *,
    password: Password,
    full_name: Annotated[str, Form(max_length=255)] = "",
) -> Response:
    """The colleague has an account; the form again with what is wrong in it."""
    refuse_foreign(request)
    link = await accounts.read_link(auth, LinkKind.INVITE, token, client)
    values = {"email": link.email, "full_name": full_name}
    try:
        name = NAME.validate_python(full_name.strip() or None)
        await accounts.join(auth, token, password, client, full_name=name)
    except ValidationError:
        return form_page(request, "join.html", values, refusal=InvalidInput(NO_NAME))
    except (WeakPassword, EmailTaken) as refusal:
        return form_page(request, "join.html", values, refusal=refusal)
    return _told(request, "Welcome", "You have an account now. Log in with your address and your password.")


def _told(request: Request, heading: str, words: str) -> Response:
    return render(request, "told.html", None, heading=heading, words=words)
