"""Every statement about sold leads on their way to their buyers' own systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class DeliveryRepository:
    """Destinations, deliveries and their attempts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _rows(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(statement), values)).all()

    async def destinations(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """A contractor's places, by kind."""
        statement = """
            SELECT id, kind, field_map, subject_id, address, updated_at FROM delivery_destinations
             WHERE contractor_id = :contractor AND removed_at IS NULL ORDER BY kind
        """
        return await self._rows(statement, contractor=contractor_id)

    async def destination(self, contractor_id: UUID, kind: str) -> Row[Any] | None:
        """A contractor's place of this kind, address and secret still encrypted."""
        statement = """
            SELECT id, subject_id, address, secret FROM delivery_destinations
             WHERE contractor_id = :contractor AND kind = :kind AND removed_at IS NULL
        """
        found = await self._rows(statement, contractor=contractor_id, kind=kind)
        return found[0] if found else None

    async def locked_destination(self, contractor_id: UUID, kind: str) -> Row[Any] | None:
        """A contractor's place of this kind, locked until the caller commits."""
        statement = """
            SELECT id, subject_id, secret FROM delivery_destinations
             WHERE contractor_id = :contractor AND kind = :kind AND removed_at IS NULL FOR UPDATE
        """
        found = await self._rows(statement, contractor=contractor_id, kind=kind)
        return found[0] if found else None

    async def insert_destination(self, values: dict[str, Any]) -> bool:
        """A new place; False where the contractor has one of this kind."""
        statement = """
            INSERT INTO delivery_destinations (contractor_id, kind, field_map, subject_id, address, secret)
            VALUES (:contractor_id, :kind, :field_map, :subject_id, :address, :secret)
            ON CONFLICT (contractor_id, kind) WHERE removed_at IS NULL DO NOTHING RETURNING id
        """
        return bool(await self._rows(statement, **values))

    async def change_destination(self, destination_id: UUID, values: dict[str, Any]) -> None:
        """Another address, map or secret of a place."""
        statement = """
            UPDATE delivery_destinations SET field_map = :field_map, address = :address, secret = :secret WHERE id = :id
        """
        await self._session.execute(text(statement), {"id": destination_id, **values})

    async def remove_destination(self, destination_id: UUID) -> None:
        """Nothing goes to this place any more."""
        statement = "UPDATE delivery_destinations SET removed_at = now() WHERE id = :id"
        await self._session.execute(text(statement), {"id": destination_id})

    async def begin(self, sale_id: UUID, contractor_id: UUID) -> list[UUID]:
        """New deliveries of a sale, one a place of its buyer that has none."""
        statement = """
            INSERT INTO lead_deliveries (sale_id, destination_id, contractor_id)
            SELECT :sale, d.id, d.contractor_id FROM delivery_destinations d
             WHERE d.contractor_id = :contractor AND d.removed_at IS NULL
            ON CONFLICT (sale_id, destination_id) DO NOTHING RETURNING id
        """
        return [row.id for row in await self._rows(statement, sale=sale_id, contractor=contractor_id)]

    async def delivery(self, delivery_id: UUID) -> Row[Any] | None:
        """A delivery with its sale and its place."""
        statement = """
            SELECT v.id, v.status, v.sale_id, v.contractor_id, s.base_lead_id, s.status AS sale_status, d.kind,
                   d.field_map, d.subject_id, d.address, d.secret, d.removed_at
              FROM lead_deliveries v JOIN sales s ON s.id = v.sale_id
              JOIN delivery_destinations d ON d.id = v.destination_id WHERE v.id = :id
        """
        found = await self._rows(statement, id=delivery_id)
        return found[0] if found else None

    async def reopen(self, delivery_id: UUID) -> None:
        """The delivery waits to be sent again."""
        statement = """
            UPDATE lead_deliveries SET status = 'pending', error = NULL WHERE id = :id
        """
        await self._session.execute(text(statement), {"id": delivery_id})

    async def finish(self, delivery_id: UUID, *, external_ref: str | None, error: str | None) -> None:
        """How the delivery ended: failed where there is an error."""
        statement = """
            UPDATE lead_deliveries
               SET status = CASE WHEN CAST(:error AS text) IS NULL THEN 'delivered' ELSE 'failed' END, error = :error,
                   external_ref = coalesce(:external_ref, external_ref),
                   delivered_at = CASE WHEN CAST(:error AS text) IS NULL THEN now() ELSE delivered_at END
             WHERE id = :id
        """
        values = {"id": delivery_id, "external_ref": external_ref, "error": error}
        await self._session.execute(text(statement), values)

    async def log_attempt(
        self, delivery_id: UUID, *, result: str, http_status: int | None, duration_ms: int
    ) -> None:
        """One more sending."""
        statement = """
            INSERT INTO delivery_attempts (delivery_id, result, http_status, duration_ms)
            VALUES (:id, :result, :http_status, :duration_ms)
        """
        values = {"id": delivery_id, "result": result, "http_status": http_status, "duration_ms": duration_ms}
        await self._session.execute(text(statement), values)

    async def page(self, contractor_id: UUID, *, delivery_id: UUID | None, limit: int) -> Sequence[Row[Any]]:
        """A contractor's deliveries with their attempts, newest first, or the one that is named."""
        statement = """
            SELECT v.id, v.sale_id, l.address, d.kind, v.status, v.external_ref, v.error, v.delivered_at, v.created_at,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('at', a.created_at, 'result', a.result,
                               'http_status', a.http_status, 'duration_ms', a.duration_ms) ORDER BY a.created_at), '[]')
                      FROM delivery_attempts a WHERE a.delivery_id = v.id) AS attempts
              FROM lead_deliveries v JOIN delivery_destinations d ON d.id = v.destination_id
              JOIN sales s ON s.id = v.sale_id JOIN base_leads l ON l.id = s.base_lead_id
             WHERE v.contractor_id = :contractor AND (CAST(:id AS uuid) IS NULL OR v.id = CAST(:id AS uuid))
             ORDER BY v.created_at DESC, v.id LIMIT :limit
        """
        return await self._rows(statement, contractor=contractor_id, id=delivery_id, limit=limit)
