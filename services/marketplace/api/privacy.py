"""Privacy requests: anybody asks without log-in, operators decide, buyers acknowledge."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from services.marketplace.api.auth import ClientDep
from services.marketplace.domain.privacy import Decision
from services.marketplace.domain.privacy_views import PrivacyNoticeView, PrivacyPerson, PrivacyRequestView
from services.marketplace.service import privacy
from services.marketplace.service.privacy import Asked
from shared.errors import InvalidInput
from shared.http.auth import public_route, require
from shared.runtime import ResourcesDep
from shared.schemas.address import Address, InvalidAddress, parse_address
from shared.schemas.page import Page, PageQuery
from shared.schemas.privacy_enums import PrivacyKind
from shared.schemas.text import Email, Line, Phone, ShortLine, StateCode, ZipCode, clean_text
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["privacy"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Buyer = Annotated[Actor, require(Action.SALE_RETURN)]
GPC_HEADER = "sec-gpc"
Message = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=1, max_length=4000)]


def parse_house(street: str, city: str, state: str, zip_code: str) -> Address:
    """The house of a typed address; InvalidInput where it is no address of a house."""
    try:
        house = parse_address(street, city, state, zip_code)
    except InvalidAddress as error:
        raise InvalidInput("street: type a house number and a street, as in 12 Oak St") from error
    if not house.names_a_house():
        raise InvalidInput("street: type a house number and a street, as in 12 Oak St")
    return house


class PrivacyForm(BaseModel):
    """What is asked and for which house; e-mail and phone only widen what is found and stopped."""

    model_config = ConfigDict(extra="forbid")

    kind: PrivacyKind
    name: ShortLine
    street: Line
    city: ShortLine
    state: StateCode
    zip: ZipCode
    email: Email | None = None
    phone: Phone | None = None
    message: Message | None = None

    def asked(self, *, gpc: bool) -> Asked:
        """The request as the verbs take it; InvalidInput where the street is no address of a house."""
        house = parse_house(self.street, self.city, self.state, self.zip)
        return Asked(self.kind, self.name, self.street, house, self.email, self.phone, self.message, gpc=gpc)


class Confirmation(BaseModel):
    """The same for a house we know and one we do not."""

    reference: str
    kind: PrivacyKind
    due_at: datetime
    sale_stopped: bool


class RequestQuery(PageQuery):
    """Which requests are wanted."""

    only_open: bool = False


class PrivacyDecision(BaseModel):
    """What an operator decides, and why."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    note: Line


def signals_opt_out(request: Request) -> bool:
    """Whether the browser sends Global Privacy Control (PR-4)."""
    return request.headers.get(GPC_HEADER, "").strip() == "1"


@router.post("/privacy/requests", status_code=202)
@public_route("anybody may ask about their own data")
async def receive(
    form: PrivacyForm, request: Request, resources: ResourcesDep, client: ClientDep
) -> Confirmation:
    """Ask about one's own data; what stops a sale stops it at once, and a browser's opt-out signal is one."""
    asked = form.asked(gpc=signals_opt_out(request))
    found = await privacy.receive(resources, asked, client.address)
    return Confirmation(
        reference=found.reference, kind=found.kind, due_at=found.due_at, sale_stopped=found.stopped
    )


@router.get("/ops/privacy")
async def all_requests(
    query: Annotated[RequestQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[PrivacyRequestView]:
    """Everybody's requests, newest first, without the people."""
    return await privacy.all_requests(resources, actor, **query.model_dump())


@router.get("/ops/privacy/{request_id}/person")
async def person(request_id: UUID, resources: ResourcesDep, actor: Operator) -> PrivacyPerson:
    """Who asks, for the operator who checks that the data are theirs; written down."""
    return await privacy.open_person(resources, actor, request_id)


@router.post("/ops/privacy/{request_id}/decision")
async def decide(
    request_id: UUID, body: PrivacyDecision, resources: ResourcesDep, actor: Operator
) -> PrivacyRequestView:
    """Erase, complete, refuse, or extend the deadline once."""
    return await privacy.decide(resources, actor, request_id, decision=body.decision, note=body.note)


@router.get("/privacy-notices")
async def own_notices(resources: ResourcesDep, actor: Buyer) -> list[PrivacyNoticeView]:
    """Sales whose person asked that their data be no longer used, newest first."""
    return await privacy.own_notices(resources, actor)


@router.post("/privacy-notices/{notice_id}/acknowledgement")
async def acknowledge(notice_id: UUID, resources: ResourcesDep, actor: Buyer) -> PrivacyNoticeView:
    """Say that the person's data are deleted; the first time counts."""
    return await privacy.acknowledge(resources, actor, notice_id)


def form_values(answers: dict[str, Any]) -> dict[str, Any]:
    """The typed answers of a page's form without those left empty."""
    return {name: value for name, value in answers.items() if value.strip()}
