"""Registrations as a data broker, which the rule of sale reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

COLUMNS = """r.id, r.state, r.number, r.filed_on, r.expires_on, r.note, r.sandbox, r.created_at,
    r.withdrawn_at, r.withdrawn_note"""


class RegistrationRepository:
    """Writes and reads registrations as a data broker."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all_of_them(self) -> Sequence[Row[Any]]:
        """Everything ever recorded, by state, the newest period first."""
        statement = text(
            f"""
            SELECT {COLUMNS} FROM compliance.state_registration r WHERE r.kind = 'broker'
             ORDER BY r.state, r.filed_on DESC NULLS LAST, r.created_at DESC
            """  # noqa: S608 - a list of ours
        )
        return (await self._session.execute(statement)).all()

    async def demanded(self) -> frozenset[str]:
        """The states whose policy in force demands a registration."""
        statement = text(
            """
            SELECT newest.state FROM (
                SELECT DISTINCT ON (state) state, broker_registration_required FROM compliance.state_policy
                 WHERE effective_from <= current_date ORDER BY state, version DESC) AS newest
             WHERE newest.broker_registration_required
            """
        )
        return frozenset((await self._session.execute(statement)).scalars())

    async def deletion_list_at(self) -> datetime | None:
        """When California's deletion list was last taken whole and held against everybody."""
        statement = text("SELECT completed_at FROM compliance.drop_in_force")
        found: datetime | None = (await self._session.execute(statement)).scalar_one()
        return found

    async def insert(self, values: Mapping[str, Any]) -> Row[Any] | None:
        """Record a registration; None where the same number is on file from the same day."""
        statement = text(
            f"""
            INSERT INTO compliance.state_registration AS r (
                state, kind, number, filed_on, expires_on, note, recorded_by)
            VALUES (:state, 'broker', :number, :filed_on, :expires_on, :note, :recorded_by)
            ON CONFLICT DO NOTHING RETURNING {COLUMNS}
            """  # noqa: S608 - a list of ours
        )
        return (await self._session.execute(statement, dict(values))).one_or_none()

    async def withdraw(self, registration_id: UUID, user_id: UUID | None, note: str) -> Row[Any] | None:
        """Take a registration out of force for good; None where there is none in force to take."""
        statement = text(
            f"""
            UPDATE compliance.state_registration r
               SET withdrawn_at = now(), withdrawn_by = :user_id, withdrawn_note = :note
             WHERE r.id = :id AND r.kind = 'broker' AND r.withdrawn_at IS NULL RETURNING {COLUMNS}
            """  # noqa: S608 - a list of ours
        )
        values = {"id": registration_id, "user_id": user_id, "note": note}
        return (await self._session.execute(statement, values)).one_or_none()
