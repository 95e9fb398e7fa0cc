"""The audit trail: who did what to which thing and why; appended in the transaction of the deed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.system import AuditLog
from shared.security.policy import Actor
from shared.telemetry.context import current_trace


async def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    *,
    service: str,
    object_type: str,
    object_id: object,
    fields: Sequence[str] = (),
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Append one row; `fields` names the columns seen or changed, and no value of a person goes into `details`."""
    await session.execute(
        insert(AuditLog),
        {
            "service": service,
            "actor": actor.name,
            "action": action,
            "object_type": object_type,
            "object_id": None if object_id is None else str(object_id),
            "fields": sorted(fields),
            "reason": reason,
            "details": details or {},
            "correlation_id": current_trace().correlation_id,
        },
    )
