"""Routes of the enricher: how an owner can be reached and where a house lies, for our own people and services."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.enricher.service import demand, questions
from shared.http.auth import require
from shared.http.idempotency import IdempotencyKey
from shared.runtime import ResourcesDep
from shared.schemas.enums import EnrichmentType
from shared.schemas.text import parse_state
from shared.security.policy import Action, Actor

router = APIRouter(tags=["enrichment"])
Finder = Annotated[Actor, require(Action.CONTACT_FIND)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class House(BaseModel):
    """An address."""

    model_config = ConfigDict(extra="forbid")
    address: Word
    city: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$"), AfterValidator(parse_state)]
    zip_code: str | None = Field(None, pattern=r"^\d{5}(-\d{4})?$")


class OwnerOfHouse(House):
    """The owner of a house by name."""

    owner_name: Word


class EmailToVerify(BaseModel):
    """An e-mail address."""

    model_config = ConfigDict(extra="forbid")
    email: str = Field(min_length=3, max_length=320)


class PhoneToVerify(BaseModel):
    """A telephone number in any spelling."""

    model_config = ConfigDict(extra="forbid")
    phone: str = Field(min_length=7, max_length=40)


class Properties(BaseModel):
    """Leads, or parcels that are leads."""

    model_config = ConfigDict(extra="forbid")
    property_ids: list[UUID] = Field(min_length=1, max_length=1000)


@router.post("/enrich/email")
async def enrich_email(
    body: OwnerOfHouse, resources: ResourcesDep, actor: Finder, key: IdempotencyKey
) -> dict[str, Any]:
    """The owner's verified e-mail with its source; the same Idempotency-Key is answered and paid for once."""
    return await demand.find_contact(resources, actor, EnrichmentType.EMAIL, body.model_dump(), key=key)


@router.post("/enrich/phone")
async def enrich_phone(
    body: OwnerOfHouse, resources: ResourcesDep, actor: Finder, key: IdempotencyKey
) -> dict[str, Any]:
    """The owner's phone with line type, carrier and what the do-not-call registry says; a listed one is not told."""
    return await demand.find_contact(resources, actor, EnrichmentType.PHONE, body.model_dump(), key=key)


@router.post("/enrich/property")
async def enrich_property(
    body: House, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """The house: its point, the post's word on its address, and the county's facts with their sources."""
    return await questions.enrich_property(resources, actor, body.model_dump(), key=key)


@router.post("/enrich/all")
async def enrich_all(
    body: OwnerOfHouse, resources: ResourcesDep, actor: Finder, key: IdempotencyKey
) -> dict[str, Any]:
    """The house and how its owner can be reached."""
    return await questions.enrich_all(resources, actor, body.model_dump(), key=key)


@router.post("/enrich/batch", status_code=202)
async def enrich_batch(
    body: Properties, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """A job for these properties; the orchestrator shows the workflow of its id."""
    return await questions.enrich_batch(resources, actor, body.property_ids, key=key)


@router.post("/verify/email")
async def verify_email(
    body: EmailToVerify, resources: ResourcesDep, actor: Finder, key: IdempotencyKey
) -> dict[str, Any]:
    """Whether an address takes mail, check by check."""
    return await questions.verify_email(resources, actor, body.email.strip(), key=key)


@router.post("/verify/phone")
async def verify_phone(
    body: PhoneToVerify, resources: ResourcesDep, actor: Finder, key: IdempotencyKey
) -> dict[str, Any]:
    """Line type, carrier and do-not-call status of a number."""
    return await questions.verify_phone(resources, actor, body.phone, key=key)


@router.post("/geocode")
async def geocode(
    body: House, resources: ResourcesDep, actor: Operator, key: IdempotencyKey
) -> dict[str, Any]:
    """Where an address lies, with match level, confidence, ZIP code and time zone."""
    return await questions.geocode(resources, actor, body.model_dump(), key=key)
