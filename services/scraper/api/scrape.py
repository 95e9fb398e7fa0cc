"""Routes that order a scrape; the answer is the job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.scraper import job_service
from services.scraper.api.jobs import Operator
from shared.http.idempotency import OptionalIdempotencyKey
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/scrape", tags=["scrape"])


class Place(BaseModel):
    """A target city."""

    model_config = ConfigDict(extra="forbid")
    city: str = Field(min_length=1, max_length=100)
    state: str = Field(pattern="^[A-Za-z]{2}$")


class PermitsOrder(Place):
    """The city and how many days back."""

    days: int = Field(30, ge=1, le=3660)


class PropertyOrder(Place):
    """The address of one house."""

    address: str = Field(min_length=3, max_length=300)


class ContractorsOrder(Place):
    """The city and how many contractors at most."""

    max_results: int = Field(200, ge=1, le=1000)


class WeatherOrder(Place):
    """The city and how many days back."""

    days: int = Field(7, ge=1, le=365)


@router.post("/permits", status_code=202)
async def scrape_permits(
    body: PermitsOrder,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Read a city's permits of the last days."""
    return await job_service.scrape_permits(
        resources, actor, body.city, body.state, days=body.days, key=idempotency_key
    )


@router.post("/property", status_code=202)
async def scrape_property(
    body: PropertyOrder,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Ask the assessor about one house."""
    return await job_service.scrape_property(
        resources, actor, body.city, body.state, address=body.address, key=idempotency_key
    )


@router.post("/contractors", status_code=202)
async def scrape_contractors(
    body: ContractorsOrder,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Find a city's roofers in its stored permits; they are in the job's results."""
    return await job_service.scrape_contractors(
        resources, actor, body.city, body.state, most=body.max_results, key=idempotency_key
    )


@router.post("/weather", status_code=202)
async def scrape_weather(
    body: WeatherOrder,
    resources: ResourcesDep,
    actor: Operator,
    idempotency_key: OptionalIdempotencyKey = None,
) -> dict[str, Any]:
    """Read the storm feeds of the last days; the job counts what lies near the city."""
    return await job_service.scrape_weather(
        resources, actor, body.city, body.state, days=body.days, key=idempotency_key
    )
