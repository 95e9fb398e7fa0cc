"""What validation stores beside an analysis, and what the review queue takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.enums import (
    DamageType,
    ImageDomain,
    ImageType,
    RoofCondition,
    ValidationTaskState,
    ViewAngle,
)
from shared.schemas.page import PageQuery
from shared.schemas.review_enums import Maturity, ReviewVerdict
from shared.schemas.roof_evidence import Box, Polygon, Share

StageName = Literal["agreement", "sources", "similar_houses", "ground_truth", "combination"]


class Shape(BaseModel):
    """Base of what is stored and exchanged here: exact and unchanging."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ValidationStage(Shape):
    """One of the five stages; `passed` is None where there was nothing to judge by."""

    stage: StageName
    passed: bool | None
    finding: str
    """In words for a reader."""
    terms: Mapping[str, Any] = Field(default_factory=dict)
    """The figures behind the finding, each by name."""


class ValidationEvidence(Shape):
    """`roof_analysis.validation_evidence`: how an analysis came to its confidence and its way."""

    stages: list[ValidationStage]
    condition: RoofCondition
    models_confidence: Share
    """What the models gave the condition, before anything else was looked at."""
    confidence: Share
    """Calibrated, after all that is known; the gate looks at this one."""
    probabilities: dict[RoofCondition, Share]
    maturity: Maturity
    familiar: bool
    reasons: list[str]
    """Why it did not pass by itself; empty where it did."""


class CorrectedDamage(Shape):
    """A damage as a reviewer drew it."""

    image_id: UUID
    damage: DamageType
    box: Box


class CorrectedRoof(Shape):
    """The target roof in one picture as a reviewer drew it; empty where it is not to be seen."""

    image_id: UUID
    roof: list[Polygon] = Field(max_length=50)


class Corrections(Shape):
    """What a reviewer drew anew: the damages replace all that were seen, the outlines those of their pictures."""

    damages: list[CorrectedDamage] | None = Field(None, max_length=200)
    roofs: list[CorrectedRoof] = Field(default_factory=list, max_length=20)


class PendingTask(Shape):
    """A task of the queue, without what other reviewers said."""

    id: UUID
    base_lead_id: UUID
    roof_analysis_id: UUID | None
    workflow_id: UUID | None
    reasons: list[str]
    due_at: datetime | None
    created_at: datetime
    overdue: bool
    assignee_id: UUID | None
    """Who holds it now."""
    claimed_until: datetime | None
    reviews: int
    wanted_reviews: int
    overall_condition: RoofCondition | None
    calibrated_confidence: float | None
    class_probabilities: dict[RoofCondition, Share] | None
    image_domain: ImageDomain | None


class TaskPicture(Shape):
    """A picture of the house; its signed link comes from image_processor (`GET /images/{id}/url`)."""

    id: UUID
    image_type: ImageType
    view_angle: ViewAngle
    source: str
    licence_id: str
    attribution: str | None
    """What must be said beside it."""
    capture_date: date | None
    gsd_m: float | None
    width: int | None
    height: int | None


class OpinionGiven(Shape):
    """One opinion on a task, shown once the task is closed."""

    reviewer_id: UUID | None
    verdict: ReviewVerdict
    condition: RoofCondition | None
    corrections: Corrections | None
    notes: str | None
    created_at: datetime


class TaskDetail(PendingTask):
    """All that a reviewer looks at."""

    state: ValidationTaskState
    address: str
    pictures: list[TaskPicture]
    evidence: dict[str, Any] | None
    """The analysis' RoofEvidence: boxes, outlines, terms."""
    validation: ValidationEvidence | None
    analysis: dict[str, Any]
    """The analysis' own columns: roof area, costs, ages, models."""
    opinions: list[OpinionGiven]
    """Empty while the task is open: a second opinion is given without the first."""
    next_id: UUID | None
    """The task after this one, for loading ahead."""


class DomainMaturity(Shape):
    """What the newest weights have shown on pictures of a domain: roofs above the gate whose truth became known."""

    domain: ImageDomain
    weights: str | None
    compared: int
    right: int
    low: Share
    high: Share
    maturity: Maturity


class ReviewAnswer(Shape):
    """Where a task stands after a reviewer's word."""

    task_id: UUID
    state: ValidationTaskState
    decided: bool
    """True when no further opinion is wanted; the lead goes on when `undo_until` has passed."""
    reviews: int
    wanted_reviews: int
    undo_until: datetime
    next_id: UUID | None


class Agreement(Shape):
    """How far reviewers agree beyond chance, with n and a 95 % interval; None where it cannot be said."""

    kappa: float | None
    low: float | None
    high: float | None
    tasks: int
    raters: int


class ReviewerStats(Shape):
    """One reviewer's work."""

    reviewer_id: UUID
    reviews: int
    changed: int
    """Opinions with another condition than the models', or a rejection."""
    median_seconds: float | None
    compared: int
    """Opinions on tasks that others have seen as well and that are decided."""
    with_final: float | None
    """Share of these that the final decision bore out."""
    last_review_at: datetime


class ReviewStats(Shape):
    """The queue and the people at it."""

    open: int
    overdue: int
    claimed: int
    reviewed_today: int
    agreement: Agreement
    pairs: dict[str, Agreement]
    """Cohen's kappa of every two reviewers with tasks in common, as `id+id`."""
    reviewers: list[ReviewerStats]
    models_right: dict[ImageDomain, float | None]
    """Share of reviewed analyses whose condition the reviewers confirmed."""


class PendingQuery(PageQuery):
    """Which tasks are wanted: of a domain, with a word in their reasons, held by nobody else or by oneself."""

    domain: ImageDomain | None = None
    reason: str | None = Field(None, min_length=2, max_length=100)
    holder: Literal["all", "free", "mine"] = "all"


class Approval(BaseModel):
    """The reviewer's word, with another condition, boxes or outlines where the models were wrong."""

    model_config = ConfigDict(extra="forbid")
    condition: RoofCondition | None = None
    corrections: Corrections | None = None
    notes: str | None = Field(None, max_length=2000)


class Rejection(BaseModel):
    """Why an analysis is not to be used."""

    model_config = ConfigDict(extra="forbid")
    corrections: Corrections | None = None
    notes: str = Field(min_length=3, max_length=2000)
