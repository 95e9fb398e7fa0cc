"""What we hold about a person: a code by mail, a short session, the whole answer; no account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.marketplace.api.auth import ClientDep
from services.marketplace.api.cookies import refuse_foreign
from services.marketplace.api.privacy import Confirmation, Message, parse_house, signals_opt_out
from services.marketplace.domain.identity import SESSION_LIFE
from services.marketplace.domain.provenance import OwnData
from services.marketplace.service import identity, provenance
from services.marketplace.service.identity import Opened
from services.marketplace.service.privacy import Asked
from shared.http.auth import public_route
from shared.runtime import ResourcesDep
from shared.schemas.privacy_enums import PrivacyKind
from shared.schemas.text import Email, Line, ShortLine, StateCode, ZipCode

router = APIRouter(prefix="/api/privacy", tags=["privacy"])
SESSION_COOKIE: Final = "ridgeline_privacy"
COPY_NAME: Final = "ridgeline-what-we-hold.json"


class CodeForm(BaseModel):
    """The house and the address that the code goes to."""

    model_config = ConfigDict(extra="forbid")

    street: Line
    city: ShortLine
    state: StateCode
    zip: ZipCode
    email: Email

    def asked(self) -> Asked:
        """The question as the verbs take it; InvalidInput where the street is no address of a house."""
        house = parse_house(self.street, self.city, self.state, self.zip)
        return Asked(PrivacyKind.KNOW, "", self.street, house, self.email)


class CodeAsked(BaseModel):
    """The same for a house and address we know and for others."""

    code_id: UUID


class Digits(BaseModel):
    """What stood in the mail."""

    model_config = ConfigDict(extra="forbid")

    digits: Annotated[SecretStr, Field(min_length=1, max_length=20)]


class SessionOpened(BaseModel):
    """Until when the answer can be read; the session itself is a cookie."""

    expires_at: datetime


class Further(BaseModel):
    """What a proven person asks for."""

    model_config = ConfigDict(extra="forbid")

    kind: PrivacyKind
    name: ShortLine
    message: Message | None = None


def session_cookie(request: Request) -> str | None:
    """The session that a browser brings."""
    return request.cookies.get(SESSION_COOKIE)


SessionDep = Annotated[str | None, Depends(session_cookie)]


def keep_privacy_session(response: Response, opened: Opened, *, secure: bool) -> None:
    """Let the browser keep a session, out of reach of scripts and of other sites."""
    seconds = int(SESSION_LIFE.total_seconds())
    response.set_cookie(
        SESSION_COOKIE,
        opened.token,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def download(found: OwnData) -> Response:
    """The answer as a file for its person, kept by no cache."""
    headers = {"Content-Disposition": f'attachment; filename="{COPY_NAME}"', "Cache-Control": "no-store"}
    return JSONResponse(found.model_dump(mode="json"), headers=headers)


@router.post("/codes", status_code=202)
@public_route("anybody may ask about their own data")
async def ask_code(form: CodeForm, resources: ResourcesDep, client: ClientDep) -> CodeAsked:
    """Six digits are mailed if we hold the address for this house; the same answer if not."""
    return CodeAsked(code_id=await identity.ask_code(resources, form.asked(), client.address))


@router.post("/codes/{code_id}/session")
@public_route("the mailed digits are the proof")
async def open_session(  # noqa: PLR0917 - what FastAPI passes
    code_id: UUID,
    form: Digits,
    request: Request,
    response: Response,
    resources: ResourcesDep,
    client: ClientDep,
) -> SessionOpened:
    """A session of 30 minutes for one request; 404 in the same words for every code that does not hold."""
    refuse_foreign(request)
    digits, gpc = form.digits.get_secret_value(), signals_opt_out(request)
    opened = await identity.open_session(resources, code_id, digits, client.address, gpc=gpc)
    keep_privacy_session(response, opened, secure=resources.settings.cookie_secure)
    return SessionOpened(expires_at=opened.expires_at)


@router.get("/own-data")
@public_route("the session of a mailed code is the proof")
async def own_data(resources: ResourcesDep, token: SessionDep, response: Response) -> OwnData:
    """Everything we hold of the session's person, each fact with its origin."""
    response.headers["Cache-Control"] = "no-store"
    return await provenance.own_data(resources, token)


@router.post("/own-data/requests", status_code=202)
@public_route("the session of a mailed code is the proof")
async def ask_further(
    form: Further, request: Request, resources: ResourcesDep, client: ClientDep, token: SessionDep
) -> Confirmation:
    """Opt out, delete, correct or complain; that the person is proven is noted on the request."""
    refuse_foreign(request)
    found = await provenance.ask_further(
        resources,
        token,
        form.kind,
        client.address,
        name=form.name,
        message=form.message,
        gpc=signals_opt_out(request),
    )
    return Confirmation(
        reference=found.reference, kind=found.kind, due_at=found.due_at, sale_stopped=found.stopped
    )


@router.delete("/own-data/session", status_code=204)
@public_route("the session of a mailed code is the proof")
async def close_session(
    request: Request, response: Response, resources: ResourcesDep, token: SessionDep
) -> None:
    """The session is over."""
    refuse_foreign(request)
    await identity.close_session(resources, token)
    response.delete_cookie(SESSION_COOKIE, path="/")
