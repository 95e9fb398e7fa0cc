"""A homeowner's own page: a code by mail, what we hold and where it came from, and the ways to stop or mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from services.marketplace.api.auth import ClientDep
from services.marketplace.api.cookies import refuse_foreign
from services.marketplace.api.privacy import form_values, signals_opt_out
from services.marketplace.api.provenance import (
    SESSION_COOKIE,
    CodeForm,
    Further,
    SessionDep,
    download,
    keep_privacy_session,
)
from services.marketplace.domain.identity import CodeNotValid, NoPrivacySession
from services.marketplace.domain.privacy import OPT_OUT_REASON, RULES
from services.marketplace.pages.privacy import WRONG, TypedRequest
from services.marketplace.pages.rendering import form_page, go_to, render
from services.marketplace.service import identity, provenance
from shared.compliance.reasons import ERASED_REASON, PROTECTED_REASON
from shared.errors import InvalidInput, RidgelineError, TooManyRequests
from shared.http.auth import public_route
from shared.runtime import ResourcesDep
from shared.schemas.privacy_enums import PrivacyKind

router = APIRouter(prefix="/privacy/own-data", tags=["pages"], default_response_class=Response)
Typed = Annotated[str, Field(max_length=320)]
OFFERED: Final = (PrivacyKind.OPT_OUT, PrivacyKind.DELETE, PrivacyKind.CORRECT, PrivacyKind.COMPLAINT)
NEEDS_WORDS: Final = frozenset({PrivacyKind.CORRECT, PrivacyKind.COMPLAINT})
"""What is empty without a message."""
SCOPES: Final = {
    "global": "left out of everything",
    "sale": "not sold",
    "voice": "no calls and texts",
    "email": "no e-mail",
    "mail": "no letters",
}
REASONS: Final = {OPT_OUT_REASON: "you asked", PROTECTED_REASON: "protected person", ERASED_REASON: "erased"}
"""What the words of the suppression list mean to the person they are about."""
NO_EMAIL: Final = {"email": "Type the e-mail address that the code should go to."}
NO_WORDS: Final = {"message": "Say what is wrong and what is right, or what happened."}
WRONG_DIGITS: Final = {"digits": identity.WRONG}


class TypedHouse(BaseModel):
    """The first form as it was typed."""

    street: Typed
    city: Typed = ""
    state: Typed = ""
    zip: Typed = ""
    email: Typed = ""


@router.get("")
@public_route("the session of a mailed code is the proof")
async def own_page(request: Request, resources: ResourcesDep, token: SessionDep) -> Response:
    """What we hold of the person; without a session the form that asks for a code."""
    try:
        found = await provenance.own_data(resources, token)
    except NoPrivacySession as refusal:
        return form_page(request, "own_data_ask.html", {}, None, refusal if token else None)
    rules = [RULES[kind] for kind in OFFERED]
    return render(
        request,
        "own_data.html",
        None,
        found=found,
        rules=rules,
        titles=RULES,
        scopes=SCOPES,
        reasons=REASONS,
    )


@router.post("")
@public_route("anybody may ask about their own data")
async def ask_code(
    request: Request, resources: ResourcesDep, client: ClientDep, answers: Annotated[TypedHouse, Form()]
) -> Response:
    """The form for the code, the same for every house; the first form again with what is wrong in it."""
    refuse_foreign(request)
    values = answers.model_dump()
    try:
        asked = CodeForm.model_validate(form_values(values)).asked()
        code_id = await identity.ask_code(resources, asked, client.address)
    except ValidationError as error:
        named = {str(part) for item in error.errors() for part in item["loc"]}
        words = {**WRONG, **NO_EMAIL}
        return _ask(request, values, errors={name: words[name] for name in words if name in named})
    except InvalidInput:
        return _ask(request, values, errors={"street": WRONG["street"]})
    except TooManyRequests as refusal:
        return _ask(request, values, refusal=refusal)
    return form_page(request, "own_data_code.html", {"code_id": str(code_id), "email": asked.email or ""})


@router.post("/code")
@public_route("the mailed digits are the proof")
async def open_session(
    request: Request,
    resources: ResourcesDep,
    client: ClientDep,
    *,
    code_id: Annotated[str, Form(max_length=40)],
    digits: Annotated[str, Form(max_length=20)] = "",
    email: Annotated[str, Form(max_length=320)] = "",
) -> Response:
    """On to the person's page with a session; the form again, in the same words, for any other code."""
    refuse_foreign(request)
    values, gpc = {"code_id": code_id, "email": email}, signals_opt_out(request)
    try:
        known = TypeAdapter(UUID).validate_python(code_id)
        opened = await identity.open_session(resources, known, digits, client.address, gpc=gpc)
    except (ValidationError, CodeNotValid):
        return form_page(request, "own_data_code.html", values, WRONG_DIGITS)
    except TooManyRequests as refusal:
        return form_page(request, "own_data_code.html", values, None, refusal)
    answer = go_to("/privacy/own-data")
    keep_privacy_session(answer, opened, secure=resources.settings.cookie_secure)
    return answer


@router.get("/copy")
@public_route("the session of a mailed code is the proof")
async def copy(resources: ResourcesDep, token: SessionDep) -> Response:
    """The same as a file; to the form where there is no session."""
    try:
        return download(await provenance.own_data(resources, token))
    except NoPrivacySession:
        return go_to("/privacy/own-data")


@router.get("/request")
@public_route("the session of a mailed code is the proof")
async def request_page(
    request: Request,
    resources: ResourcesDep,
    token: SessionDep,
    kind: Annotated[PrivacyKind, Query()] = PrivacyKind.OPT_OUT,
) -> Response:
    """The form of one verb, the house and the address filled in."""
    if not await provenance.is_open(resources, token):
        return go_to("/privacy/own-data")
    return _further(request, {"kind": kind.value})


@router.post("/request")
@public_route("the session of a mailed code is the proof")
async def send_request(
    request: Request,
    resources: ResourcesDep,
    client: ClientDep,
    token: SessionDep,
    answers: Annotated[TypedRequest, Form()],
) -> Response:
    """The confirmation; the form again with what is wrong in it."""
    refuse_foreign(request)
    values = {name: value for name, value in answers.model_dump().items() if name in Further.model_fields}
    try:
        further = Further.model_validate(form_values(values))
        if further.kind in NEEDS_WORDS and further.message is None:
            return _further(request, values, errors=NO_WORDS)
        received = await provenance.ask_further(
            resources,
            token,
            further.kind,
            client.address,
            name=further.name,
            message=further.message,
            gpc=signals_opt_out(request),
        )
    except ValidationError as error:
        named = {str(part) for item in error.errors() for part in item["loc"]}
        return _further(request, values, errors={name: WRONG[name] for name in WRONG if name in named})
    except NoPrivacySession:
        return go_to("/privacy/own-data")
    except TooManyRequests as refusal:
        return _further(request, values, refusal=refusal)
    return render(request, "privacy_received.html", None, received=received, rule=RULES[received.kind])


@router.post("/leave")
@public_route("the session of a mailed code is the proof")
async def leave(request: Request, resources: ResourcesDep, token: SessionDep) -> Response:
    """The session is over."""
    refuse_foreign(request)
    await identity.close_session(resources, token)
    answer = go_to("/privacy")
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


def _ask(
    request: Request,
    values: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    refusal: RidgelineError | None = None,
) -> Response:
    return form_page(request, "own_data_ask.html", values, errors, refusal)


def _further(
    request: Request,
    values: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    refusal: RidgelineError | None = None,
) -> Response:
    rules = [RULES[kind] for kind in OFFERED]
    return form_page(request, "own_data_request.html", values, errors, refusal, rules=rules)
