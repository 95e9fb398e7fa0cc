"""HVAC leads as our own CRM has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

STATUSES = ("pending", "synced", "failed", "conflict")


class SummitRepository:
    """Statements of the hand-over of HVAC leads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _rows(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(statement), values)).all()

    async def known(self, lead_ids: Sequence[UUID]) -> dict[UUID, bool]:
        """Which of these leads there are, and whether each is still one that Summit.AI does not have."""
        statement = """
            SELECT id, status = 'qualified' AND sync_status <> 'synced' AS due FROM hvac_leads
             WHERE id = ANY (CAST(:ids AS uuid[]))
        """
        return {row.id: row.due for row in await self._rows(statement, ids=list(lead_ids))}

    async def pending(self, after: UUID | None, limit: int) -> list[UUID]:
        """Qualified leads that nobody has handed over, in a stable order."""
        statement = """
            SELECT id FROM hvac_leads WHERE status = 'qualified' AND sync_status = 'pending'
               AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit
        """
        return [row.id for row in await self._rows(statement, after=after, limit=limit)]

    async def person(self, lead_id: UUID) -> Row[Any] | None:
        """The owner on the newest permit of a qualified lead's house; None where the lead is none any more."""
        statement = """
            SELECT l.id, l.sync_status, d.subject_id, d.owner_name, d.owner_phone, d.owner_phone_hash, d.owner_email,
                   d.owner_email_hash
              FROM hvac_leads l JOIN hvac_properties p ON p.id = l.property_id
              LEFT JOIN permit_details d ON d.permit_id = p.newest_permit_id
             WHERE l.id = :id AND l.status = 'qualified'
        """
        found = await self._rows(statement, id=lead_id)
        return found[0] if found else None

    async def finish(self, lead_id: UUID, status: str, *, contact_id: str | None, error: str | None) -> None:
        """How handing the lead over ended, and when."""
        await self._session.execute(
            text(
                """
                UPDATE hvac_leads
                   SET sync_status = CAST(:status AS text), summit_contact_id = coalesce(:contact_id, summit_contact_id),
                       summit_synced_at = CASE WHEN CAST(:status AS text) = 'synced' THEN now() ELSE summit_synced_at END,
                       sync_error = :error
                 WHERE id = :id
                """
            ),
            {"id": lead_id, "status": status, "contact_id": contact_id, "error": error},
        )

    async def counts(self) -> dict[str, int]:
        """How many qualified leads have each status."""
        statement = "SELECT sync_status, count(*) AS n FROM hvac_leads WHERE status = 'qualified' GROUP BY sync_status"
        found = {row.sync_status: row.n for row in await self._rows(statement)}
        return {status: found.get(status, 0) for status in STATUSES}

    async def last_synced_at(self) -> Any:
        """When Summit.AI last took a lead; None before the first."""
        return (await self._rows("SELECT max(summit_synced_at) AS at FROM hvac_leads"))[0].at

    async def write_notes(self, lead_id: UUID, notes: str | None) -> bool:
        """Replace a lead's notes; False where there is no such lead."""
        statement = "UPDATE hvac_leads SET notes = :notes WHERE id = :id RETURNING id"
        return bool(await self._rows(statement, id=lead_id, notes=notes))
