"""What the models saw in a house's pictures, in a form that can be stored, drawn and corrected.

`roof_analysis.evidence` holds one RoofEvidence; `roof_analysis.damage_locations` the list of its SeenDamage. No pixels are
kept: boxes and outlines are shares 0..1 of the width and height of the picture `image_id` as it was fetched, whatever size
it is shown at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.schemas.enums import (
    DamageType,
    ImageDomain,
    ImageType,
    ModelType,
    RoofCondition,
    ViewAngle,
)

Share = Annotated[float, Field(ge=0, le=1)]
"""A share 0..1: of a picture's side, of the roof, or a probability."""
Points = Annotated[float, Field(ge=0, le=100)]
"""0 (sound) to 100 (critical)."""
Polygon = Annotated[list[tuple[Share, Share]], Field(min_length=3, max_length=2000)]
"""Corners (x, y) of one closed outline, the last joined to the first."""


class Evidence(BaseModel):
    """Base of what is stored here: exact and unchanging."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Box(Evidence):
    """A rectangle in a picture; an edge at 0 or 1 is the picture's own."""

    left: Share
    top: Share
    right: Share
    bottom: Share

    @model_validator(mode="after")
    def _has_an_area(self) -> Box:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a box needs left < right and top < bottom")
        return self

    @property
    def area(self) -> float:
        """Its share of the picture."""
        return (self.right - self.left) * (self.bottom - self.top)


class SeenDamage(Evidence):
    """One damage in one picture."""

    image_id: UUID
    damage: DamageType
    confidence: Share
    """Calibrated."""
    box: Box
    area_share: Share
    """Of the roof visible in this picture."""
    severity: Points
    """area_share x the weight of its kind (shared.schemas.condition)."""


class ModelUsed(Evidence):
    """Which weights gave an answer."""

    role: ModelType
    name: str
    version: str
    sha256: str
    trained_on: str
    """What its pictures were: 'rendered' weights are demonstration weights."""


class PictureEvidence(Evidence):
    """All that was seen in one picture; `refused` names why one was left out."""

    image_id: UUID
    image_type: ImageType
    view_angle: ViewAngle
    source: str
    domain: ImageDomain
    capture_date: date | None = None
    gsd_m: float | None = None
    """Metres on the ground, or at the house, that one pixel of the original covers."""
    refused: str | None = None
    probabilities: dict[RoofCondition, Share] | None = None
    """The classifier's, calibrated."""
    familiar: bool = True
    outline: Polygon | None = None
    """Where the house was said to stand: its footprint; None where only the picture's middle was known."""
    roof: list[Polygon] = Field(default_factory=list)
    """The target roof, damaged parts included."""
    damaged: list[Polygon] = Field(default_factory=list)
    roof_confidence: Share | None = None
    """The segmentor's, calibrated; None where no roof was found."""
    damages: list[SeenDamage] = Field(default_factory=list)


class ConditionTerm(Evidence):
    """What one model adds to the condition."""

    role: ModelType
    index: Points
    weight: Share
    """As used: the weights of the terms that are there sum to 1."""
    confidence: Share | None = None
    """None: no evidence, which is not doubt."""


class RoofEvidence(Evidence):
    """Everything an analysis rests on."""

    pictures: list[PictureEvidence]
    terms: list[ConditionTerm]
    condition_index: Points
    probabilities: dict[RoofCondition, Share]
    """Of the whole house, calibrated."""
    models: list[ModelUsed]
    roof_area: Mapping[str, Any] | None = None
    """Every term of the roof's area."""
    costs: Mapping[str, Any] | None = None
    """Every term of replacement, repair, their comparison, remaining life and urgency."""
    cautions: list[str] = Field(default_factory=list)
    """What the pictures cannot show, in words for a reader: 'storm exposure, not hail damage'."""

    def demonstration(self) -> bool:
        """True while any of the weights was trained on rendered pictures alone."""
        return any(model.trained_on.startswith("rendered") for model in self.models)
