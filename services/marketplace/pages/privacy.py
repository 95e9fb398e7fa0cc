"""The homeowner's pages: where data come from, how long we keep them, and the form that stops or deletes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from services.marketplace.api.auth import ClientDep
from services.marketplace.api.cookies import refuse_foreign
from services.marketplace.api.privacy import PrivacyForm, form_values, signals_opt_out
from services.marketplace.domain.privacy import RULES
from services.marketplace.pages.rendering import form_page, render
from services.marketplace.service import privacy
from shared.compliance.retention import KEPT
from shared.errors import InvalidInput, RidgelineError, TooManyRequests
from shared.http.auth import public_route
from shared.runtime import ResourcesDep
from shared.schemas.privacy_enums import PrivacyKind

router = APIRouter(tags=["pages"], default_response_class=Response)
Typed = Annotated[str, Field(max_length=320)]
Kind = Annotated[PrivacyKind, Query()]
WRONG: Final = {
    "kind": "Choose what you want us to do.",
    "name": "Type your name.",
    "street": "Type a house number and a street, as in 12 Oak St.",
    "city": "Type the name of a city.",
    "state": "Type the two letters of a state, as in TX.",
    "zip": "Type the five digits of your ZIP code.",
    "email": "Type an e-mail address, or leave it empty.",
    "phone": "Type a US phone number, or leave it empty.",
    "message": "Type 4,000 characters at most.",
}


class TypedRequest(BaseModel):
    """The form as it was typed."""

    kind: Typed
    name: Typed = ""
    street: Typed = ""
    city: Typed = ""
    state: Typed = ""
    zip: Typed = ""
    email: Typed = ""
    phone: Typed = ""
    message: Annotated[str, Field(max_length=5000)] = ""


@router.get("/privacy")
@public_route("the privacy policy")
async def policy(request: Request) -> Response:
    """Where data come from, what we keep and for how long, and the way to stop it."""
    return render(request, "privacy.html", None, kept=KEPT, gpc=signals_opt_out(request))


@router.get("/privacy/request")
@public_route("anybody may ask about their own data")
async def request_page(request: Request, kind: Kind = PrivacyKind.OPT_OUT) -> Response:
    """The form."""
    return _form(request, {"kind": kind.value})


@router.post("/privacy/request")
@public_route("anybody may ask about their own data")
async def send_request(
    request: Request,
    resources: ResourcesDep,
    client: ClientDep,
    answers: Annotated[TypedRequest, Form()],
) -> Response:
    """The confirmation, the same for every house; the form again with what is wrong in it."""
    refuse_foreign(request)
    values = answers.model_dump()
    try:
        asked = PrivacyForm.model_validate(form_values(values)).asked(gpc=signals_opt_out(request))
        received = await privacy.receive(resources, asked, client.address)
    except ValidationError as error:
        named = {str(part) for item in error.errors() for part in item["loc"]}
        return _form(request, values, errors={name: WRONG[name] for name in WRONG if name in named})
    except InvalidInput:
        return _form(request, values, errors={"street": WRONG["street"]})
    except TooManyRequests as refusal:
        return _form(request, values, refusal=refusal)
    return render(request, "privacy_received.html", None, received=received, rule=RULES[received.kind])


def _form(
    request: Request,
    values: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    refusal: RidgelineError | None = None,
) -> Response:
    context = {"rules": list(RULES.values()), "gpc": signals_opt_out(request)}
    return form_page(request, "privacy_request.html", values, errors, refusal, **context)
