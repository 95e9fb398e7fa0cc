"""Starting workflows: rows in the caller's transaction, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.unit_of_work import trace_headers_json
from shared.errors import Conflict, InvalidInput
from shared.telemetry.context import current_trace
from shared.workflow import sql
from shared.workflow.specs import WorkflowSpec, workflow_spec

TRIES = 3


@dataclass(frozen=True, slots=True)
class Started:
    """The workflow that now runs for a subject; `new` is false when it was running already."""

    workflow_id: UUID
    new: bool


@dataclass(frozen=True, slots=True)
class Parent:
    """The step of another workflow that waits for its children."""

    workflow_id: UUID
    step: str


async def start(
    session: AsyncSession,
    kind: str,
    *,
    subject_id: UUID | None = None,
    input: Mapping[str, Any] | None = None,
    priority: int = 100,
) -> Started:
    """Start a workflow, or return the one that already runs for this kind and subject."""
    spec = known_kind(kind)
    for _ in range(TRIES):
        created = await start_many(session, spec, [(subject_id, input or {})], priority=priority)
        if created:
            return Started(created[0], new=True)
        known = await live_workflow(session, kind, subject_id)
        if known is not None:
            return Started(known, new=False)
        # the workflow that stood in the way ended between the two statements
    raise Conflict(f"workflows of kind {kind} for {subject_id} begin and end too quickly", kind=kind)


async def live_workflow(session: AsyncSession, kind: str, subject_id: UUID | None) -> UUID | None:
    """The workflow of this kind that has not ended for a subject, or None."""
    live = await session.execute(sql.LIVE_WORKFLOW, {"kind": kind, "subject_id": subject_id})
    known: UUID | None = live.scalar_one_or_none()
    return known


async def start_many(
    session: AsyncSession,
    spec: WorkflowSpec,
    subjects: Sequence[tuple[UUID | None, Mapping[str, Any]]],
    *,
    priority: int = 100,
    parent: Parent | None = None,
) -> list[UUID]:
    """Start one workflow a subject in one statement; children of a parent wait for admission."""
    trace = current_trace()
    rows = await session.execute(
        sql.START,
        {
            "kind": spec.kind,
            "dag_version": spec.version,
            "priority": priority,
            "status": "pending" if parent else "running",
            "deadline_seconds": spec.deadline_seconds,
            "parent_id": parent.workflow_id if parent else None,
            "parent_step": parent.step if parent else None,
            "correlation_id": trace.correlation_id,
            "traceparent": trace.traceparent,
            "ids": [uuid4() for _ in subjects],
            "subjects": [subject for subject, _ in subjects],
            "inputs": [orjson.dumps(dict(input), default=str).decode() for _, input in subjects],
            "admitted": parent is None,
            **_step_columns(spec),
        },
    )
    return [row.id for row in rows]


def known_kind(kind: str) -> WorkflowSpec:
    """The specification of a kind, or a clear refusal."""
    spec = workflow_spec(kind)
    if spec is None:
        raise InvalidInput(f"there is no workflow of kind {kind!r}", kind=kind)
    return spec


def _step_columns(spec: WorkflowSpec) -> dict[str, Any]:
    steps = spec.steps
    return {
        "names": [s.name for s in steps],
        "positions": list(range(len(steps))),
        "services": [s.service for s in steps],
        "queues": [s.queue for s in steps],
        "needs": [",".join(s.needs) for s in steps],
        "optionals": [s.optional for s in steps],
        "max_attempts": [s.max_attempt for s in steps],
        "timeouts": [s.timeout_seconds for s in steps],
        "headers": trace_headers_json(),
    }
