"""The audit trail: who did what to which thing and why; appended in the transaction of the deed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.security.policy import Actor
from shared.telemetry.context import current_trace

_INSERT: Final = text(
    """
    INSERT INTO audit_log (service, actor, action, object_type, object_id, fields, reason, details, correlation_id)
    VALUES (:service, :actor, :action, :object_type, :object_id, CAST(:fields AS text[]), :reason,
            CAST(:details AS jsonb), :correlation_id)
    """
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing, what of it was seen or changed, and why."""

    object_id: object
    fields: Sequence[str] = ()
    reason: str | None = None
    details: dict[str, Any] | None = None


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
    entry = Entry(object_id, fields, reason, details)
    await record_all(session, actor, action, [entry], service=service, object_type=object_type)


async def record_all(
    session: AsyncSession,
    actor: Actor,
    action: str,
    entries: Sequence[Entry],
    *,
    service: str,
    object_type: str,
) -> None:
    """Append a row for each of many things to which the same was done, by one statement."""
    common = {
        "service": service,
        "actor": actor.name,
        "action": action,
        "object_type": object_type,
        "correlation_id": current_trace().correlation_id,
    }
    rows = [
        {
            **common,
            "object_id": None if entry.object_id is None else str(entry.object_id),
            "fields": sorted(entry.fields),
            "reason": entry.reason,
            "details": orjson.dumps(
                entry.details or {}, default=str, option=orjson.OPT_NON_STR_KEYS
            ).decode(),
        }
        for entry in entries
    ]
    if rows:
        await session.execute(_INSERT, rows if len(rows) > 1 else rows[0])
