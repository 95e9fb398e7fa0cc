"""What reviewed analyses teach: a line a house, with the provenance of every picture and mark."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.enums import DamageType, ImageDomain, ImageType, RoofCondition, ViewAngle
from shared.schemas.roof_evidence import Box, Polygon

DrawnBy = Literal["reviewer", "models"]
"""Marks of the models are those that a reviewer saw and let stand."""


class LabelPart(BaseModel):
    """Base of a label's parts: exact and unchanging."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledDamage(LabelPart):
    """A damage in a picture."""

    damage: DamageType
    box: Box


class LabelledPicture(LabelPart):
    """A picture that may train models, its place in the object store, and what is to be seen in it."""

    image_id: UUID
    key: str
    sha256: str | None
    image_type: ImageType
    view_angle: ViewAngle
    domain: ImageDomain
    source: str
    licence_id: str
    capture_date: date | None
    gsd_m: float | None
    damages: list[LabelledDamage]
    damages_by: DrawnBy
    roof: list[Polygon]
    roof_by: DrawnBy


class Label(LabelPart):
    """One reviewed house."""

    task_id: UUID
    base_lead_id: UUID
    """Split by house, never by picture."""
    condition: RoofCondition
    models_said: RoofCondition | None
    weights: str | None
    opinions: int
    agreeing: int
    decided_at: datetime
    pictures: list[LabelledPicture]
    refused: dict[str, int]
    """Pictures left out by source: their licence does not allow training."""
