"""Companies, their uploaded leads, and how handing them over stands. What a company asks for is read under its id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

STATUSES = ("pending", "processing", "success", "failed")
FAILURES_SHOWN = 20


class ReactivationRepository:
    """Statements of the reactivation manager."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _rows(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(statement), values)).all()

    async def insert_company(self, values: Mapping[str, Any]) -> Row[Any] | None:
        """The new company; None where another has its e-mail address or its CRM location."""
        found = await self._rows(
            """
            INSERT INTO company_profiles (company_name, subject_id, owner_name, owner_name_hash, owner_phone,
                                          owner_phone_hash, owner_email, owner_email_hash, ghl_location_id, api_key_hash)
            VALUES (:company_name, :subject_id, :owner_name, :owner_name_hash, :owner_phone, :owner_phone_hash,
                    :owner_email, :owner_email_hash, :ghl_location_id, :api_key_hash)
            ON CONFLICT DO NOTHING RETURNING id, company_name, ghl_location_id, created_at
            """,
            **values,
        )
        return found[0] if found else None

    async def company_with_key(self, api_key_hash: str) -> Row[Any] | None:
        """The company of an API key."""
        statement = "SELECT id, company_name FROM company_profiles WHERE api_key_hash = :hash"
        found = await self._rows(statement, hash=api_key_hash)
        return found[0] if found else None

    async def known_phones(self, company_id: UUID, phone_hashes: Sequence[str]) -> set[str]:
        """Which of these phones the company has uploaded before."""
        statement = """
            SELECT phone_hash FROM reactivation_leads
             WHERE company_id = :company_id AND phone_hash = ANY (CAST(:hashes AS text[]))
        """
        found = await self._rows(statement, company_id=company_id, hashes=list(phone_hashes))
        return {row.phone_hash for row in found}

    async def insert_leads(self, company_id: UUID, leads: Sequence[Mapping[str, Any]]) -> list[UUID]:
        """The ids of new leads, each with its pending log; a phone that came in between is left out."""
        columns = {name: [lead[name] for lead in leads] for name in leads[0]}
        found = await self._rows(
            """
            WITH made AS (
                INSERT INTO reactivation_leads
                    (company_id, subject_id, name, phone, phone_hash, email, email_hash, notes)
                SELECT :company_id, * FROM unnest(
                    CAST(:subject_id AS uuid[]), CAST(:name AS text[]), CAST(:phone AS text[]), CAST(:phone_hash AS text[]),
                    CAST(:email AS text[]), CAST(:email_hash AS text[]), CAST(:notes AS text[]))
                ON CONFLICT (company_id, phone_hash) DO NOTHING RETURNING id, company_id
            )
            INSERT INTO lead_processing_logs (lead_id, company_id) SELECT id, company_id FROM made RETURNING lead_id
            """,
            company_id=company_id,
            **columns,
        )
        return [row.lead_id for row in found]

    async def begin(self, lead_id: UUID, *, worker_id: str, attempt_count: int) -> Row[Any] | None:
        """Note that a worker has the lead, and the lead; None where it was handed over already or is not there."""
        found = await self._rows(
            """
            UPDATE lead_processing_logs g
               SET status = 'processing', worker_id = :worker_id, attempt_count = :attempt_count, error_message = NULL
              FROM reactivation_leads l JOIN company_profiles c ON c.id = l.company_id
             WHERE g.lead_id = :lead_id AND l.id = g.lead_id AND g.status <> 'success'
            RETURNING l.id, l.company_id, l.subject_id, l.name, l.phone, l.phone_hash, l.email, l.email_hash,
                      c.ghl_location_id, c.company_name
            """,
            lead_id=lead_id,
            worker_id=worker_id[:50],
            attempt_count=attempt_count,
        )
        return found[0] if found else None

    async def suppressed(self, hashes: Collection[str]) -> bool:
        """Whether one of a person's keys must not be contacted; what forbids only a sale does not count."""
        found = await self._rows(
            """
            SELECT 1 FROM compliance.suppression
             WHERE value_hash = ANY (CAST(:hashes AS text[])) AND scope <> 'sale'
               AND (expires_at IS NULL OR expires_at > now()) LIMIT 1
            """,
            hashes=list(hashes),
        )
        return bool(found)

    async def finish(
        self, lead_id: UUID, status: str, *, contact_id: str | None = None, error: str | None = None
    ) -> None:
        """How handing the lead over ended."""
        await self._session.execute(
            text(
                """
                UPDATE lead_processing_logs
                   SET status = :status, ghl_contact_id = coalesce(:contact_id, ghl_contact_id), error_message = :error
                 WHERE lead_id = :lead_id
                """
            ),
            {"lead_id": lead_id, "status": status, "contact_id": contact_id, "error": error},
        )

    async def add_conflict(self, lead_id: UUID, company_id: UUID, contact_ids: Sequence[str]) -> None:
        """Put a lead into the queue of conflicts, or its open conflict up to date."""
        await self._session.execute(
            text(
                """
                INSERT INTO crm_conflicts (lead_id, company_id, contact_ids)
                VALUES (:lead_id, :company_id, CAST(:contact_ids AS text[]))
                ON CONFLICT (lead_id) WHERE resolved_at IS NULL DO UPDATE SET contact_ids = excluded.contact_ids
                """
            ),
            {"lead_id": lead_id, "company_id": company_id, "contact_ids": list(contact_ids)},
        )

    async def open_conflicts(self, limit: int) -> Sequence[Row[Any]]:
        """Conflicts nobody has resolved, oldest first."""
        statement = """
            SELECT k.id, k.lead_id, k.company_id, c.company_name, k.contact_ids, k.created_at
              FROM crm_conflicts k JOIN company_profiles c ON c.id = k.company_id
             WHERE k.resolved_at IS NULL ORDER BY k.created_at, k.id LIMIT :limit
        """
        return await self._rows(statement, limit=limit)

    async def conflict(self, conflict_id: UUID) -> Row[Any] | None:
        """A conflict, locked."""
        statement = (
            "SELECT id, lead_id, contact_ids, resolved_at FROM crm_conflicts WHERE id = :id FOR UPDATE"
        )
        found = await self._rows(statement, id=conflict_id)
        return found[0] if found else None

    async def resolve(self, conflict_id: UUID, contact_id: str, resolved_by: str) -> None:
        """Note which contact the person is, and let the lead wait for a worker again."""
        await self._session.execute(
            text(
                """
                WITH closed AS (
                    UPDATE crm_conflicts SET contact_id = :contact_id, resolved_at = now(), resolved_by = :resolved_by
                     WHERE id = :id RETURNING lead_id
                )
                UPDATE lead_processing_logs g SET status = 'pending', error_message = NULL
                  FROM closed WHERE g.lead_id = closed.lead_id
                """
            ),
            {"id": conflict_id, "contact_id": contact_id, "resolved_by": resolved_by},
        )

    async def reopen(self, lead_id: UUID) -> bool:
        """Let a lead that is not handed over wait for a worker again; False where it is, or is in conflict."""
        found = await self._rows(
            """
            UPDATE lead_processing_logs g SET status = 'pending', error_message = NULL
             WHERE g.lead_id = :lead_id AND g.status <> 'success'
               AND NOT EXISTS (SELECT 1 FROM crm_conflicts k WHERE k.lead_id = g.lead_id AND k.resolved_at IS NULL)
            RETURNING g.lead_id
            """,
            lead_id=lead_id,
        )
        return bool(found)

    async def counts(self, company_id: UUID) -> dict[str, int]:
        """How many of a company's leads have each status."""
        statement = (
            "SELECT status, count(*) AS n FROM lead_processing_logs WHERE company_id = :id GROUP BY status"
        )
        found = {row.status: row.n for row in await self._rows(statement, id=company_id)}
        return {status: found.get(status, 0) for status in STATUSES}

    async def count_conflicts(self, company_id: UUID) -> int:
        """How many of a company's leads wait for an operator's choice."""
        statement = "SELECT count(*) AS n FROM crm_conflicts WHERE company_id = :id AND resolved_at IS NULL"
        return int((await self._rows(statement, id=company_id))[0].n)

    async def failures(self, company_id: UUID) -> Sequence[Row[Any]]:
        """A company's latest failed leads."""
        statement = """
            SELECT lead_id, error_message, attempt_count, updated_at FROM lead_processing_logs
             WHERE company_id = :id AND status = 'failed' ORDER BY updated_at DESC, id LIMIT :limit
        """
        return await self._rows(statement, id=company_id, limit=FAILURES_SHOWN)

    async def lead_status(self, company_id: UUID, lead_id: UUID) -> Row[Any] | None:
        """How one of a company's leads stands."""
        statement = """
            SELECT lead_id, status, ghl_contact_id, error_message, attempt_count, updated_at FROM lead_processing_logs
             WHERE company_id = :company_id AND lead_id = :lead_id
        """
        found = await self._rows(statement, company_id=company_id, lead_id=lead_id)
        return found[0] if found else None
