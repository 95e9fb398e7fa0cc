"""Every statement about buyers' checklists, their evidence and the cases that freeze a buyer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.cases import LOST
from shared.schemas.page import Cursor

LOCK = "SELECT id, credential_status FROM contractors WHERE id = :id FOR NO KEY UPDATE"
CASE = """
    SELECT id, contractor_id, sale_id, dispute_ref, charge_ref, amount_cents, reason, processor_status, booked_cents,
           credit_taken_cents,
           outcome, note, settled_at, created_at
      FROM buyer_cases
"""


class CheckRepository:
    """Items, evidence, cases."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def status(self, contractor_id: UUID) -> str | None:
        """The contractor's credential status; None for nobody."""
        statement = text("SELECT credential_status FROM contractors WHERE id = :id")
        found: str | None = (
            await self._session.execute(statement, {"id": contractor_id})
        ).scalar_one_or_none()
        return found

    async def lock(self, contractor_id: UUID) -> bool:
        """Let other decisions about this contractor wait until the caller commits; False for nobody."""
        return (await self._session.execute(text(LOCK), {"id": contractor_id})).one_or_none() is not None

    async def items(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """How each decided item stands."""
        statement = text(
            "SELECT item, value, about, expires_on, note, decided_at FROM buyer_checks WHERE contractor_id = :id"
        )
        return (await self._session.execute(statement, {"id": contractor_id})).all()

    async def decide(self, contractor_id: UUID, values: dict[str, Any]) -> None:
        """Write an item, said of the licence, name or version that the contractor has now."""
        statement = text(
            """
            INSERT INTO buyer_checks (contractor_id, item, value, about, expires_on, evidence_id, note, decided_user_id)
            SELECT c.id, CAST(:item AS text), :value,
                   CASE CAST(:item AS text)
                        WHEN 'licence' THEN concat_ws(' ', c.license_state, c.license_number)
                        WHEN 'identity' THEN c.company_name
                        WHEN 'agreement' THEN CAST(:version AS text) ELSE '' END,
                   CAST(:expires_on AS date), CAST(:evidence_id AS uuid), :note, CAST(:user_id AS uuid)
              FROM contractors c WHERE c.id = :contractor
            ON CONFLICT (contractor_id, item) DO UPDATE
               SET value = excluded.value, about = excluded.about, expires_on = excluded.expires_on,
                   evidence_id = excluded.evidence_id, note = excluded.note,
                   decided_user_id = excluded.decided_user_id, decided_at = excluded.decided_at
            """
        )
        await self._session.execute(statement, values | {"contractor": contractor_id})

    async def credential(self, contractor_id: UUID, status: str, checked_at: Any = None) -> None:
        """Move the contractor's status; a new time of the check where there is one."""
        statement = text(
            """
            UPDATE contractors
               SET credential_status = :status,
                   credential_checked_at = coalesce(CAST(:checked_at AS timestamptz), credential_checked_at)
             WHERE id = :id
            """
        )
        values = {"id": contractor_id, "status": status, "checked_at": checked_at}
        await self._session.execute(statement, values)

    async def lapse(self, contractor_id: UUID, reason: str) -> bool:
        """Take the credentials of a contractor that has them and leave its people a notice; False when it has none."""
        statement = text(
            """
            WITH lapsed AS (
                UPDATE contractors SET credential_status = 'lapsed'
                 WHERE id = :id AND credential_status = 'credentialed' RETURNING id
            ), told AS (
                INSERT INTO notifications (contractor_id, channel, kind, status, reason)
                SELECT id, 'in_app', 'credentials_lapsed', 'pending', :reason FROM lapsed
            )
            SELECT id FROM lapsed
            """
        )
        found = await self._session.execute(statement, {"id": contractor_id, "reason": reason})
        return found.one_or_none() is not None

    async def insert_evidence(self, values: dict[str, Any]) -> None:
        """A filed piece of evidence whose bytes are stored."""
        statement = text(
            """
            INSERT INTO buyer_evidence (id, contractor_id, item, media_type, size_bytes, sha256, object_key, user_id)
            VALUES (:id, :contractor_id, :item, :media_type, :size_bytes, :sha256, :object_key, :user_id)
            """
        )
        await self._session.execute(statement, values)

    async def evidence(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """What a contractor filed, newest first."""
        statement = text(
            """
            SELECT id, item, media_type, size_bytes, created_at FROM buyer_evidence
             WHERE contractor_id = :id ORDER BY created_at DESC, id
            """
        )
        return (await self._session.execute(statement, {"id": contractor_id})).all()

    async def one_evidence(self, evidence_id: UUID) -> Row[Any] | None:
        """A filed piece of evidence with where it lies."""
        statement = text("SELECT * FROM buyer_evidence WHERE id = :id")
        return (await self._session.execute(statement, {"id": evidence_id})).one_or_none()

    async def open_case(self, values: dict[str, Any]) -> Row[Any] | None:
        """The case of a dispute, new or with the processor's newer word; None where its charge is not ours.

        What the processor decided stands, though an older event may arrive after it.
        """
        statement = text(
            """
            INSERT INTO buyer_cases AS known (contractor_id, sale_id, dispute_ref, charge_ref, amount_cents, reason,
                                              processor_status)
            SELECT p.contractor_id, p.sale_id, :dispute_ref, p.provider_ref, :amount_cents, :reason, :status
              FROM (SELECT contractor_id, sale_id, provider_ref FROM payments
                     WHERE provider_ref = :charge_ref AND kind = 'charge'
                    UNION ALL
                    SELECT contractor_id, NULL, payment_ref FROM plan_periods WHERE payment_ref = :charge_ref) p
             LIMIT 1
            ON CONFLICT (dispute_ref) DO UPDATE
               SET processor_status = CASE WHEN known.processor_status = ANY (:ended) THEN known.processor_status
                                           ELSE excluded.processor_status END
            RETURNING id, contractor_id, processor_status, xmax = 0 AS opened
            """
        )
        return (await self._session.execute(statement, values)).one_or_none()

    async def lost_cases(self, limit: int) -> Sequence[Row[Any]]:
        """Cases whose money the bank keeps and which are not booked yet."""
        statement = text(
            """
            SELECT id, contractor_id FROM buyer_cases
             WHERE processor_status = :lost AND booked_cents IS NULL ORDER BY created_at, id LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"lost": LOST, "limit": limit})).all()

    async def lost_case(self, case_id: UUID) -> Row[Any] | None:
        """Such a case; of a lead's charge also what it was and what stands of its return's credit.

        The caller holds the contractor's lock.
        """
        statement = text(
            """
            SELECT k.id, k.contractor_id, k.sale_id, k.dispute_ref, k.charge_ref, k.amount_cents,
                   (SELECT p.amount_cents FROM payments p WHERE p.provider_ref = k.charge_ref AND p.kind = 'charge'
                     LIMIT 1) AS charged_cents,
                   coalesce((SELECT r.credit_cents FROM sale_returns r
                              WHERE r.sale_id = k.sale_id AND r.status = 'accepted'), 0)
                 - coalesce((SELECT sum(o.credit_taken_cents) FROM buyer_cases o WHERE o.sale_id = k.sale_id), 0)
                   AS returned_cents
              FROM buyer_cases k WHERE k.id = :id AND k.processor_status = :lost AND k.booked_cents IS NULL
            """
        )
        return (await self._session.execute(statement, {"id": case_id, "lost": LOST})).one_or_none()

    async def note_booked(self, case_id: UUID, cents: int, credit_taken_cents: int) -> None:
        """Remember what was booked of a lost case, and what of it was credit taken back."""
        statement = text(
            "UPDATE buyer_cases SET booked_cents = :cents, credit_taken_cents = :taken WHERE id = :id"
        )
        await self._session.execute(statement, {"id": case_id, "cents": cents, "taken": credit_taken_cents})

    async def settle_case(self, case_id: UUID, values: dict[str, Any]) -> Row[Any] | None:
        """Settle an open case; None when it is settled already."""
        statement = text(
            """
            UPDATE buyer_cases
               SET outcome = :outcome, note = :note, settled_user_id = CAST(:user_id AS uuid), settled_at = now()
             WHERE id = :id AND outcome IS NULL RETURNING id, contractor_id
            """
        )
        return (await self._session.execute(statement, values | {"id": case_id})).one_or_none()

    async def case(self, case_id: UUID) -> Row[Any] | None:
        """One case."""
        return (await self._session.execute(text(f"{CASE} WHERE id = :id"), {"id": case_id})).one_or_none()

    async def cases(self, *, settled: bool | None, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Cases, newest first; one more than a page holds."""
        statement = text(
            f"""{CASE}
            WHERE (CAST(:settled AS boolean) IS NULL OR (outcome IS NOT NULL) = :settled)
              AND (CAST(:created_at AS timestamptz) IS NULL OR (created_at, id) < (:created_at, CAST(:after AS uuid)))
            ORDER BY created_at DESC, id DESC LIMIT :limit"""
        )
        values = {
            "settled": settled,
            "created_at": after.created_at if after else None,
            "after": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()
