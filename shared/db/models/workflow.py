"""Schema core: workflows, steps, schedules, effects, budgets. Written only through shared.workflow."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import CORE, NOW, ZERO, Base, choice, key, number, stamp, starts_false, starts_true
from shared.schemas.workflow_enums import (
    EffectState,
    Misfire,
    RequestState,
    ReservationState,
    StepStatus,
    WorkflowStatus,
)

EMPTY_OBJECT = text("'{}'::jsonb")
EMPTY_LIST = text("'{}'::text[]")


class Workflow(Base):
    """A piece of work that outlives a request."""

    __tablename__ = "workflow"
    __table_args__ = (
        Index(
            "uq_workflow_live_subject",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("status IN ('pending', 'running', 'waiting')"),
        ),
        Index("ix_workflow_parent_status", "parent_id", "status"),
        Index("ix_workflow_kind_status_created", "kind", "status", "created_at"),
        Index("ix_workflow_subject", "subject_id"),
        Index(
            "ix_workflow_deadline",
            "deadline_at",
            postgresql_where=text("status IN ('pending', 'running', 'waiting') AND deadline_at IS NOT NULL"),
        ),
        {"schema": CORE},
    )

    id: Mapped[UUID] = key()
    kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    dag_version: Mapped[int] = mapped_column(server_default=text("1"))
    status: Mapped[WorkflowStatus] = choice("status", WorkflowStatus, default=WorkflowStatus.PENDING)
    input: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    output: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    priority: Mapped[int] = mapped_column(server_default=text("100"))
    deadline_at: Mapped[datetime | None]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("core.workflow.id", ondelete="CASCADE"))
    parent_step: Mapped[str | None]
    correlation_id: Mapped[str | None]
    traceparent: Mapped[str | None]
    paused: Mapped[bool] = starts_false()
    cancel_requested: Mapped[bool] = starts_false()
    created_at: Mapped[datetime] = stamp()
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = stamp()


class Step(Base):
    """One node of a workflow; its lease token fences every commit."""

    __tablename__ = "step"
    __table_args__ = (
        Index("ix_step_ready_due", "run_after", postgresql_where=text("status = 'ready'")),
        Index("ix_step_running_lease", "lease_until", postgresql_where=text("status = 'running'")),
        Index("ix_step_ready_queue", "queue", postgresql_where=text("status = 'ready'")),
        Index("ix_step_waiting", "waiting_for", postgresql_where=text("status = 'waiting'")),
        {"schema": CORE},
    )

    workflow_id: Mapped[UUID] = mapped_column(
        ForeignKey("core.workflow.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    service: Mapped[str]
    queue: Mapped[str]
    needs: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    optional: Mapped[bool] = starts_false()
    status: Mapped[StepStatus] = choice("status", StepStatus, default=StepStatus.PENDING)
    attempt: Mapped[int] = mapped_column(server_default=ZERO)
    max_attempt: Mapped[int]
    timeout_seconds: Mapped[int]
    run_after: Mapped[datetime] = stamp()
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    enqueued_at: Mapped[datetime | None]
    output: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    waiting_for: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = stamp()


class StepAttempt(Base):
    """What happened in one attempt: who, when, how it ended, what it cost."""

    __tablename__ = "step_attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workflow_id", "step_name"], ["core.step.workflow_id", "core.step.name"], ondelete="CASCADE"
        ),
        Index("ix_step_attempt_step", "workflow_id", "step_name"),
        Index("ix_step_attempt_started", "started_at"),
        {"schema": CORE},
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    workflow_id: Mapped[UUID]
    step_name: Mapped[str]
    attempt: Mapped[int]
    worker: Mapped[str | None]
    started_at: Mapped[datetime] = stamp()
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    cost: Mapped[Decimal | None] = mapped_column(number(12, 6))


class Schedule(Base):
    """A job that recurs; seeded from the services' declarations, edited by operators."""

    __tablename__ = "schedule"
    __table_args__ = ({"schema": CORE},)

    job: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str]
    kind: Mapped[str]
    input: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    cron: Mapped[str]
    tz: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    enabled: Mapped[bool] = starts_true()
    misfire: Mapped[Misfire] = choice("misfire", Misfire, default=Misfire.SKIP)
    jitter_seconds: Mapped[int] = mapped_column(server_default=ZERO)
    catch_up_seconds: Mapped[int] = mapped_column(server_default=text("7200"))
    description: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
    updated_by: Mapped[str | None]


class ScheduleRun(Base):
    """One slot of one job; its key is what makes many schedulers start it once."""

    __tablename__ = "schedule_run"
    __table_args__ = (Index("ix_schedule_run_created", "created_at"), {"schema": CORE})

    job: Mapped[str] = mapped_column(ForeignKey("core.schedule.job", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    workflow_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = stamp()


class Effect(Base):
    """An external effect that must happen once."""

    __tablename__ = "effect"
    __table_args__ = (
        Index("ix_effect_step", "workflow_id", "step_name"),
        Index(
            "ix_effect_unsettled",
            "updated_at",
            postgresql_where=text("state IN ('intended', 'sent', 'unknown')"),
        ),
        {"schema": CORE},
    )

    idem_key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    workflow_id: Mapped[UUID | None]
    step_name: Mapped[str | None]
    request_hash: Mapped[str]
    state: Mapped[EffectState] = choice("state", EffectState, default=EffectState.INTENDED)
    provider_ref: Mapped[str | None]
    response: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class Budget(Base):
    """Money set aside for a scope; a reservation that would pass the cap finds no row to update."""

    __tablename__ = "budget"
    __table_args__ = (
        CheckConstraint("spent + reserved >= 0", name="not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_positive"),
        {"schema": CORE},
    )

    scope: Mapped[str] = mapped_column(primary_key=True)
    cap: Mapped[Decimal] = mapped_column(number(14, 6))
    spent: Mapped[Decimal] = mapped_column(number(14, 6), server_default=ZERO)
    reserved: Mapped[Decimal] = mapped_column(number(14, 6), server_default=ZERO)
    updated_at: Mapped[datetime] = stamp()


class BudgetReservation(Base):
    """Money promised to one call until its real cost is known."""

    __tablename__ = "budget_reservation"
    __table_args__ = (
        Index(
            "ix_budget_reservation_expiry",
            "expires_at",
            postgresql_where=text("state IN ('reserved', 'unknown')"),
        ),
        {"schema": CORE},
    )

    id: Mapped[UUID] = key()
    scopes: Mapped[list[str]]
    amount: Mapped[Decimal] = mapped_column(number(14, 6))
    actual: Mapped[Decimal | None] = mapped_column(number(14, 6))
    state: Mapped[ReservationState] = choice("state", ReservationState, default=ReservationState.RESERVED)
    provider: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    expires_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), server_default=text("(now() + interval '15 minutes')")
    )


class WorkerHeartbeat(Base):
    """A worker process that is alive."""

    __tablename__ = "worker_heartbeat"
    __table_args__ = (Index("ix_worker_heartbeat_beat", "beat_at"), {"schema": CORE})

    worker: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str]
    started_at: Mapped[datetime] = stamp()
    beat_at: Mapped[datetime] = stamp()
    details: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)


class Config(Base):
    """A value operators may change while the fleet runs; each change is audited."""

    __tablename__ = "config"
    __table_args__ = ({"schema": CORE},)

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB())
    description: Mapped[str | None]
    updated_at: Mapped[datetime] = stamp()
    updated_by: Mapped[str | None]


class FeatureFlag(Base):
    """A switch operators may throw."""

    __tablename__ = "feature_flag"
    __table_args__ = ({"schema": CORE},)

    key: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = starts_false()
    description: Mapped[str | None]
    updated_at: Mapped[datetime] = stamp()
    updated_by: Mapped[str | None]


class RequestKey(Base):
    """An Idempotency-Key with the answer its first request got."""

    __tablename__ = "request_key"
    __table_args__ = (Index("ix_request_key_created", "created_at"), {"schema": CORE})

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    state: Mapped[RequestState] = choice("state", RequestState, default=RequestState.RUNNING)
    response_status: Mapped[int | None]
    response_body: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), server_default=NOW)
    finished_at: Mapped[datetime | None]
