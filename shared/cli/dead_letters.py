"""Dead letters from the operator's side: list them, and drive them again through the ordinary path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.errors import Conflict, NotFound
from shared.settings import Settings
from shared.workflow.control import retry

OPEN = text(
    """
    SELECT id, source, topic, consumer, event_id, workflow_id, step_name, reason, attempts, created_at
      FROM core.dead_letter WHERE resolved_at IS NULL ORDER BY created_at DESC LIMIT :limit
    """
)
TAKE = text(
    """
    SELECT id, source, event_id, workflow_id, step_name FROM core.dead_letter
     WHERE id = :id AND resolved_at IS NULL FOR UPDATE
    """
)
# The original row goes out again under its own id: consumers that had handled it know it, the failed one does not.
REPUBLISH = text("UPDATE core.outbox SET published_at = NULL WHERE event_id = :event_id RETURNING id")
RESOLVE_STEPS = text(
    """
    UPDATE core.dead_letter SET resolved_at = now(), resolved_by = :by
     WHERE workflow_id = :workflow_id AND resolved_at IS NULL
    """
)
RESOLVE_ONE = text("UPDATE core.dead_letter SET resolved_at = now(), resolved_by = :by WHERE id = :id")


@dataclass(frozen=True)
class DeadLetter:
    """One piece of given-up work."""

    id: UUID
    source: str
    what: str
    reason: str
    attempts: int
    created_at: datetime

    def as_row(self) -> dict[str, Any]:
        """Plain values, in the order of a table."""
        return {
            "id": str(self.id),
            "source": self.source,
            "what": self.what,
            "reason": self.reason,
            "attempts": self.attempts,
            "created_at": self.created_at.isoformat(timespec="seconds"),
        }


@dataclass
class Outcome:
    """What a re-drive did: how many went out again, and why the others did not."""

    driven: int = 0
    refused: list[str] = field(default_factory=list)


async def list_open(limit: int) -> list[DeadLetter]:
    """The dead letters nobody has resolved, newest first."""
    async with _unit_of_work() as unit_of_work, unit_of_work() as uow:
        rows = (await uow.session.execute(OPEN, {"limit": limit})).all()
    return [
        DeadLetter(row.id, row.source, _what(row), row.reason or "", row.attempts, row.created_at)
        for row in rows
    ]


async def re_drive(letter: UUID | None, *, by: str) -> Outcome:
    """Drive one dead letter again, or all for None; each in a transaction of its own."""
    outcome = Outcome()
    async with _unit_of_work() as unit_of_work:
        wanted = [letter] if letter else await _open_ids(unit_of_work)
        for one in wanted:
            try:
                async with unit_of_work() as uow:
                    outcome.driven += await re_drive_one(uow.session, one, by=by)
            except Conflict as refused:
                outcome.refused.append(f"{one}: {refused.detail}")
    return outcome


async def re_drive_one(session: AsyncSession, letter: UUID, *, by: str) -> int:
    """1 when it went out again, 0 when another letter's re-drive had taken it along; Conflict when it cannot."""
    row = (await session.execute(TAKE, {"id": letter})).one_or_none()
    if row is None:
        found = await session.execute(text("SELECT 1 FROM core.dead_letter WHERE id = :id"), {"id": letter})
        if found.one_or_none() is None:
            raise NotFound(f"there is no dead letter {letter}")
        return 0
    if row.source == "step":
        await retry(session, row.workflow_id)
        await session.execute(RESOLVE_STEPS, {"workflow_id": row.workflow_id, "by": by})
        return 1
    if not (await session.execute(REPUBLISH, {"event_id": row.event_id})).all():
        raise Conflict("its event did not come from our outbox, or left it more than a week ago")
    await session.execute(RESOLVE_ONE, {"id": letter, "by": by})
    return 1


async def _open_ids(unit_of_work: UnitOfWorkFactory) -> list[UUID]:
    async with unit_of_work() as uow:
        return [row.id for row in (await uow.session.execute(OPEN, {"limit": 10_000})).all()]


@asynccontextmanager
async def _unit_of_work() -> AsyncIterator[UnitOfWorkFactory]:
    engine = make_engine(Settings().database_url, pool_size=1, application_name="ridgeline-cli")
    try:
        yield unit_of_work_factory(make_session_maker(engine))
    finally:
        await engine.dispose()


def _what(row: Row[Any]) -> str:
    if row.source == "step":
        return f"{row.step_name} of workflow {row.workflow_id}"
    return f"{row.topic or ''} {row.consumer or ''} {row.event_id or ''}".strip()
