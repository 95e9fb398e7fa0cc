"""What operators see of the platform's work: cities, workflows, queues, dead letters, sources."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from shared.schemas.enums import SourceLight


class CityLine(BaseModel):
    """A target city as it is listed."""

    id: UUID
    city: str
    state: str
    tier: int | None
    active: bool
    status: str
    status_reason: str | None
    sandbox: bool
    source_status: str | None
    source: str | None
    source_reason: str | None
    total_permits_found: int | None
    total_properties_processed: int | None
    last_scraped_at: datetime | None


class ProgressStep(BaseModel):
    """A step of a city's activation in words."""

    name: str
    status: str
    words: str
    seconds: float | None


class CityProgress(BaseModel):
    """How far the newest activation of a city is; without a workflow it was never activated."""

    city: str
    state: str
    status: str
    error: Any = None
    workflow_id: UUID | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    elapsed_seconds: float | None = None
    steps: list[ProgressStep] = Field(default_factory=list)
    properties: dict[str, int] = Field(default_factory=dict)
    rate_per_minute: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None
    leads: dict[str, int] = Field(default_factory=dict)


class WorkflowLine(BaseModel):
    """A workflow as it is listed."""

    id: UUID
    kind: str
    subject_id: UUID | None
    status: str
    paused: bool
    error: Any
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class WorkflowStep(BaseModel):
    """A step with why it stands where it does."""

    name: str
    status: str
    service: str
    queue: str
    optional: bool
    attempt: int
    max_attempt: int
    run_after: datetime | None
    reason: str | None
    error: Any
    waiting_for: str | None
    started_at: datetime | None
    finished_at: datetime | None


class StepAttempt(BaseModel):
    """One try of a step."""

    step_name: str
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: Any


class WorkflowDetail(WorkflowLine):
    """A workflow with its steps, their tries and how its children stand."""

    parent_id: UUID | None
    deadline_at: datetime | None
    steps: list[WorkflowStep]
    attempts: list[StepAttempt]
    children: dict[str, Any]


class DeadLetter(BaseModel):
    """A step or an event that was given up and waits for a person."""

    id: UUID
    source: str
    topic: str | None
    consumer: str | None
    workflow_id: UUID | None
    step_name: str | None
    reason: str
    attempts: int | None
    created_at: datetime


class QueueLine(BaseModel):
    """What waits in a queue and what is being done; `oldest_seconds` is how long the first due step waits."""

    queue: str
    ready: int
    running: int
    oldest_seconds: float | None


class QueueReport(BaseModel):
    """Every queue that holds something, and how many dead letters are open."""

    queues: list[QueueLine]
    dead_letters: int


class SourceLine(BaseModel):
    """A source of data with its light and why."""

    source: str
    kind: str
    city: str | None
    light: SourceLight
    reasons: list[str]
    notes: list[str]
    last_success: datetime | None
    last_try: datetime | None
    newest_row: str | None
    rows: int | None
    rows_expected: int | None

    @property
    def ill(self) -> bool:
        """Whether a person should look at it."""
        return self.light in {SourceLight.RED, SourceLight.AMBER}


class Switch(BaseModel):
    """A feature flag with what it does, what it is now and what it usually is, and when it was last turned."""

    key: str
    description: str
    enabled: bool
    usual: bool
    turned_at: datetime | None = None

    @property
    def unusual(self) -> bool:
        """Whether somebody turned it."""
        return self.enabled != self.usual
