"""Jobs that somebody asks for: started with a line in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.security import audit
from shared.security.policy import Actor
from shared.workflow.start import Started, start


async def start_ordered(
    session: AsyncSession,
    actor: Actor,
    kind: str,
    *,
    service: str,
    subject_id: UUID | None = None,
    input: Mapping[str, Any] | None = None,
) -> Started:
    """`start` for a person or a service that ordered it: the trail says who, and whether the job is a new one."""
    run = await start(session, kind, subject_id=subject_id, input=input)
    await audit.record(
        session,
        actor,
        "job.start",
        service=service,
        object_type="job",
        object_id=run.workflow_id,
        details={"kind": kind, "new": run.new},
    )
    return run
