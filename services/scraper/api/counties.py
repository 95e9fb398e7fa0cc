"""Routes of counties and of their permits; every answer is {success, data, error}."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from services.scraper.hvac import counties, permits
from shared.http.auth import require
from shared.http.envelope import Envelope
from shared.runtime import ResourcesDep
from shared.schemas.text import clean_text, parse_state, parse_zone
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/api", tags=["counties"])
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]


MECHANICAL = "Building/Residential/Trade/Mechanical"


def _for_a_header(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
        raise ValueError("it goes into a header: printable ASCII without blanks")
    return value


Name = Annotated[str, BeforeValidator(clean_text), Field(min_length=2, max_length=100)]
State = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(parse_state)]
AgencyCode = Annotated[str, Field(pattern="^[A-Z0-9_-]{2,30}$")]
Environment = Annotated[str, Field(pattern="^[A-Z0-9]{2,30}$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=500)]
AppId = Annotated[Secret, AfterValidator(_for_a_header)]
Module = Annotated[str, BeforeValidator(clean_text), Field(min_length=2, max_length=50)]
PermitType = Annotated[str, BeforeValidator(clean_text), Field(min_length=3, max_length=200)]
TimeZone = Annotated[str, Field(pattern="^(America|Pacific)/[A-Za-z_/]{2,40}$"), AfterValidator(parse_zone)]
EveryDays = Annotated[int, Field(ge=1, le=365)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def opened(self) -> dict[str, Any]:
        """What was given or goes without saying, secrets in clear for the call that seals or uses them."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in given.items()
            if value is not None
        }


class TestedCredentials(_Given):
    """What an agency gave us, and the records that show whether it holds."""

    agency_code: AgencyCode
    environment: Environment = "PROD"
    app_id: AppId
    app_secret: Secret
    username: Secret
    password: Secret
    module: Module = "Building"
    permit_type: PermitType = MECHANICAL


class NewCounty(TestedCredentials):
    """A county with its agency's credentials."""

    name: Name
    state: State
    time_zone: TimeZone = "America/New_York"
    is_active: bool = True
    auto_pull_enabled: bool = True
    incremental_pull_enabled: bool = True
    every_days: EveryDays = 7


class CountyChange(_Given):
    """What is to be different; what is left out stays."""

    name: Name | None = None
    state: State | None = None
    agency_code: AgencyCode | None = None
    environment: Environment | None = None
    app_id: AppId | None = None
    app_secret: Secret | None = None
    username: Secret | None = None
    password: Secret | None = None
    module: Module | None = None
    permit_type: PermitType | None = None
    time_zone: TimeZone | None = None
    is_active: bool | None = None
    auto_pull_enabled: bool | None = None
    incremental_pull_enabled: bool | None = None
    every_days: EveryDays | None = None


class PullRequest(BaseModel):
    """Which permits to pull now."""

    model_config = ConfigDict(extra="forbid")

    date_from: date
    date_to: date
    limit: int = Field(100, ge=1, le=1000)
    status: str | None = Field(None, min_length=1, max_length=100)


class PermitQuery(BaseModel):
    """Which permits to list."""

    model_config = ConfigDict(extra="forbid")

    county_id: UUID | None = None
    date_from: date | None = None
    date_to: date | None = None
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=10_000_000)


@router.post("/counties", status_code=201)
async def create_county(
    body: NewCounty, resources: ResourcesDep, actor: Operator
) -> Envelope[dict[str, Any]]:
    """Add a county; its connection is tried before anything is stored."""
    return Envelope(data=await counties.create(resources, actor, body.opened()))


@router.get("/counties")
async def list_counties(resources: ResourcesDep, _: Reader) -> Envelope[list[dict[str, Any]]]:
    """All counties."""
    return Envelope(data=await counties.list_all(resources))


@router.post("/counties/test-credentials")
async def try_credentials(
    body: TestedCredentials, resources: ResourcesDep, _: Operator
) -> Envelope[dict[str, Any]]:
    """Try credentials without storing anything."""
    return Envelope(data=await counties.try_credentials(resources, body.opened()))


@router.get("/counties/{county_id}")
async def describe_county(county_id: UUID, resources: ResourcesDep, _: Reader) -> Envelope[dict[str, Any]]:
    """A county with its schedule; its credentials are masked."""
    return Envelope(data=await counties.describe(resources, county_id))


@router.put("/counties/{county_id}")
async def update_county(
    county_id: UUID, body: CountyChange, resources: ResourcesDep, actor: Operator
) -> Envelope[dict[str, Any]]:
    """Change a county; other credentials are tried before they are stored."""
    return Envelope(data=await counties.update(resources, actor, county_id, body.opened()))


@router.delete("/counties/{county_id}")
async def delete_county(
    county_id: UUID, resources: ResourcesDep, actor: Operator
) -> Envelope[dict[str, Any]]:
    """Remove a county and the key of its credentials; its permits stay."""
    await counties.delete(resources, actor, county_id)
    return Envelope(data={"id": county_id, "deleted": True})


@router.post("/counties/{county_id}/test")
async def try_county(county_id: UUID, resources: ResourcesDep, _: Operator) -> Envelope[dict[str, Any]]:
    """Try a county's connection with the credentials it has."""
    return Envelope(data=await counties.try_connection(resources, county_id))


@router.get("/counties/{county_id}/rate-limit-stats")
async def rate_limit_stats(
    county_id: UUID,
    resources: ResourcesDep,
    _: Reader,
    hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24,
) -> Envelope[dict[str, Any]]:
    """Calls, refusals and what is left of the agency's allowance, by endpoint."""
    return Envelope(data=await counties.rate_limit_stats(resources, county_id, hours=hours))


@router.post("/counties/{county_id}/pull-permits")
async def pull_permits(
    county_id: UUID, body: PullRequest, resources: ResourcesDep, _: Operator
) -> Envelope[dict[str, Any]]:
    """Pull some permits now: filtered by the agency, completed with addresses, owners and parcels, stored."""
    days = body.date_from, body.date_to
    pulled = await permits.pull_now(resources, county_id, days=days, limit=body.limit, status=body.status)
    return Envelope(data=pulled)


@router.get("/permits", tags=["permits"])
async def list_permits(
    query: Annotated[PermitQuery, Query()], resources: ResourcesDep, _: Reader
) -> Envelope[dict[str, Any]]:
    """Permits of counties, newest first."""
    return Envelope(data=await permits.list_permits(resources, query.model_dump()))


@router.get("/permits/{permit_id}", tags=["permits"])
async def describe_permit(
    permit_id: UUID, resources: ResourcesDep, actor: Reader
) -> Envelope[dict[str, Any]]:
    """A permit with its owner and its record as it came."""
    return Envelope(data=await permits.describe(resources, actor, permit_id))
