"""What workflows are started with; each service reads the fields that its steps need."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.geo import GeoPoint


class JobTrigger(StrEnum):
    """Who started a job, where its input says so."""

    SCHEDULER = "scheduler"
    MANUAL = "manual"
    API = "api"
    EVENT = "event"


class CityInput(BaseModel):
    """The city of a city step; `sources` replaces its own (a replay), `since` the whole history."""

    subject_id: UUID
    city: str = ""
    state: str = ""
    prospect_cap: int | None = None
    sources: dict[str, Any] | None = None
    since: date | None = None

    @property
    def recorded(self) -> bool:
        """True for a replay of recorded rows, whose storms and neighbours are as old as they."""
        return bool((self.sources or {}).get("recorded"))


class PropertyInput(BaseModel):
    """The lead of a property step, and the parts that its city cannot have with the reason of each."""

    subject_id: UUID
    skip: dict[str, str] = {}


class ReviewInput(BaseModel):
    """The review task that is to be settled."""

    subject_id: UUID


class ImagesInput(BaseModel):
    """The lead whose pictures are wanted: which views and sides, and the point to look at if not the lead's own."""

    subject_id: UUID
    views: list[ImageType] = [ImageType.SATELLITE, ImageType.STREET_VIEW]
    angles: list[ViewAngle] = [ViewAngle.FRONT, ViewAngle.LEFT, ViewAngle.RIGHT, ViewAngle.REAR]
    at: GeoPoint | None = None


class ImageBatchInput(BaseModel):
    """The leads whose pictures are wanted, and which views."""

    lead_ids: list[UUID]
    views: list[ImageType] = [ImageType.SATELLITE, ImageType.STREET_VIEW]


class ErasureInput(BaseModel):
    """The privacy request that is carried out."""

    subject_id: UUID


class JobInput(BaseModel):
    """The slot for which a scheduled job runs."""

    job: str = ""
    slot: str = ""


class EnrichInput(JobInput):
    """Whose owners to look for; the leads most in need where none is named."""

    lead_ids: list[UUID] = []


class AnalyzeInput(JobInput):
    """Whose roofs to look at; those not yet seen by the models in use where none is named."""

    lead_ids: list[UUID] = []


class StormsInput(JobInput):
    """Which feeds a look at the weather asks (all, or those that tell of a storm within the hour), how far back.

    `subject_id` is the city for which somebody asked.
    """

    subject_id: UUID | None = None
    near_real_time: bool = False
    days: int | None = None


class ContractorsInput(BaseModel):
    """The city whose roofers are wanted, and how many of them at most."""

    subject_id: UUID
    max_results: int


class HvacInput(JobInput):
    """The county whose houses are looked at; all where none is named."""

    county_id: UUID | None = None


class ClustersInput(JobInput):
    """The city whose clusters are drawn anew; all where none is named."""

    city_id: UUID | None = None


class ProspectInput(JobInput):
    """The city to prospect; every active one where none is named."""

    city_id: UUID | None = None


class ImageInput(BaseModel):
    """One fetched picture."""

    subject_id: UUID


class ProcessImagesInput(BaseModel):
    """The houses whose pictures are processed."""

    lead_ids: list[UUID]
