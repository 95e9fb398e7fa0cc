"""Requests about a person's own data, the suppression they write, and the sales they touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.page import Cursor
from shared.schemas.privacy_enums import PrivacySource

# A house by its place, a person by what we know of them; an empty key meets nothing.
THEIR_LEAD = """
    ((l.state = :state AND l.address_key = :address_key)
     OR l.owner_email_hash = CAST(:email AS text) OR l.owner_phone_hash = CAST(:phone AS text))
"""
COLUMNS = """
    r.id, r.reference, r.kind, r.status, r.gpc, r.state, r.received_at, r.received_at AS created_at, r.acknowledged_at, r.due_at, r.extended_at,
    r.decision_note, r.decided_at, r.closed_at, r.outcome, r.identity_proof, r.source,
    (SELECT count(*) FROM privacy_notices n WHERE n.privacy_request_id = r.id) AS notices,
    (SELECT count(*) FROM privacy_notices n WHERE n.privacy_request_id = r.id
        AND n.acknowledged_at IS NULL) AS unacknowledged
"""


class PrivacyRepository:
    """Writes and reads privacy requests."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert(self, values: Mapping[str, Any]) -> UUID:
        """Store a request; its id."""
        statement = text(
            """
            INSERT INTO privacy_requests (reference, kind, status, gpc, subject_id, person, suppression_keys, state,
                                          received_at, acknowledged_at, due_at, closed_at, identity_proof, source,
                                          drop_ref)
            VALUES (:reference, :kind, :status, :gpc, :subject_id, :person, :suppression_keys, :state,
                    :received_at, :received_at, :due_at, :closed_at, :identity_proof, :source, :drop_ref)
            RETURNING id
            """
        )
        row = {"source": PrivacySource.PERSON, "drop_ref": None, **values}
        request_id: UUID = (await self._session.execute(statement, row)).scalar_one()
        return request_id

    async def suppress(self, keys: Sequence[tuple[str, str]], *, reason: str, scope: str, source: str) -> int:
        """Put blind indexes on the suppression list for good; how many are new."""
        statement = text(
            """
            WITH added AS (
                INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
                SELECT k.kind, k.value_hash, :scope, :reason, :source
                  FROM unnest(CAST(:kinds AS text[]), CAST(:hashes AS text[])) AS k (kind, value_hash)
                ON CONFLICT DO NOTHING RETURNING 1)
            SELECT count(*) FROM added
            """
        )
        values = {
            "kinds": [kind for kind, _ in keys],
            "hashes": [value for _, value in keys],
            "reason": reason,
            "scope": scope,
            "source": source,
        }
        return int((await self._session.execute(statement, values)).scalar_one())

    async def withdraw_leads(self, who: Mapping[str, Any]) -> int:
        """Take this person's and this house's leads off sale; how many."""
        statement = text(
            f"""
            WITH gone AS (
                UPDATE base_leads l SET status = 'suppressed', status_reason = 'privacy request'
                 WHERE l.status = 'available' AND {THEIR_LEAD} RETURNING 1)
            SELECT count(*) FROM gone
            """  # noqa: S608 - a condition of ours
        )
        return int((await self._session.execute(statement, dict(who))).scalar_one())

    async def withdraw_aged(self, hashes: Sequence[str]) -> int:
        """Take this person's aged leads off the shelf; how many items."""
        statement = text(
            """
            WITH gone AS (
                UPDATE aged_inventory i SET withdrawn_at = now()
                  FROM aged_leads l
                 WHERE l.id = i.aged_lead_id AND l.suppression_keys && CAST(:hashes AS text[])
                   AND i.sold_at IS NULL AND i.withdrawn_at IS NULL RETURNING 1)
            SELECT count(*) FROM gone
            """
        )
        return int((await self._session.execute(statement, {"hashes": list(hashes)})).scalar_one())

    async def tell_buyers(
        self, request_id: UUID, who: Mapping[str, Any], hashes: Sequence[str]
    ) -> Sequence[Row[Any]]:
        """Note for every buyer of this person's data that it is to be deleted; one row a sale."""
        statement = text(
            f"""
            INSERT INTO privacy_notices (privacy_request_id, contractor_id, sale_id, aged_sale_id)
            SELECT :request_id, s.contractor_id, s.id, NULL::uuid
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
             WHERE s.status = 'sold' AND {THEIR_LEAD}
             UNION ALL
            SELECT :request_id, a.contractor_id, NULL::uuid, a.id
              FROM aged_sales a JOIN aged_leads g ON g.id = a.aged_lead_id
             WHERE g.suppression_keys && CAST(:hashes AS text[])
            ON CONFLICT DO NOTHING
            RETURNING contractor_id, sale_id, aged_sale_id
            """  # noqa: S608 - a condition of ours
        )
        values = {**who, "request_id": request_id, "hashes": list(hashes)}
        return (await self._session.execute(statement, values)).all()

    async def one(self, request_id: UUID) -> Row[Any] | None:
        """A request with what it led to."""
        statement = text(f"SELECT {COLUMNS} FROM privacy_requests r WHERE r.id = :id")  # noqa: S608
        return (await self._session.execute(statement, {"id": request_id})).one_or_none()

    async def locked(self, request_id: UUID) -> Row[Any] | None:
        """A request that nobody else can decide before this transaction ends."""
        statement = text(
            """
            SELECT id, kind, status, subject_id, person, due_at, extended_at, suppression_keys
              FROM privacy_requests WHERE id = :id FOR UPDATE
            """
        )
        return (await self._session.execute(statement, {"id": request_id})).one_or_none()

    async def page(self, *, only_open: bool, after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """Requests, newest first, with one more than the limit."""
        statement = text(
            f"""
            SELECT {COLUMNS} FROM privacy_requests r
             WHERE (NOT CAST(:only_open AS boolean) OR r.closed_at IS NULL)
               AND (CAST(:at AS timestamptz) IS NULL OR (r.received_at, r.id) < (:at, :id))
             ORDER BY r.received_at DESC, r.id DESC LIMIT :limit
            """  # noqa: S608 - a list of ours
        )
        values = {
            "only_open": only_open,
            "at": after.created_at if after else None,
            "id": after.id if after else None,
            "limit": limit + 1,
        }
        return (await self._session.execute(statement, values)).all()

    async def open_by_deadline(self) -> Sequence[Row[Any]]:
        """Every request that is not ended, the most urgent first."""
        statement = text(
            f"SELECT {COLUMNS} FROM privacy_requests r WHERE r.closed_at IS NULL ORDER BY r.due_at, r.id"  # noqa: S608
        )
        return (await self._session.execute(statement)).all()

    async def decide(self, request_id: UUID, values: Mapping[str, Any]) -> None:
        """Write an operator's decision on a locked request."""
        statement = text(
            """
            UPDATE privacy_requests
               SET status = CAST(:status AS text), decided_user_id = :user_id, decision_note = :note, decided_at = now(),
                   closed_at = CASE WHEN CAST(:status AS text) IN ('carried_out', 'refused') THEN now() END,
                   due_at = :due_at, extended_at = CASE WHEN CAST(:extends AS boolean) THEN now() ELSE extended_at END
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {**values, "id": request_id})

    async def answer(self, request_id: UUID, note: str) -> bool:
        """End a question that its page has just answered; False where it is ended already or asks something else."""
        statement = text(
            """
            UPDATE privacy_requests SET status = 'carried_out', decision_note = :note, decided_at = now(), closed_at = now(),
                   identity_proof = 'held'
             WHERE id = :id AND kind = 'know' AND status = 'received' RETURNING id
            """
        )
        values = {"id": request_id, "note": note}
        return (await self._session.execute(statement, values)).scalar_one_or_none() is not None

    async def remember_subjects(self, request_id: UUID, who: Mapping[str, Any], hashes: Sequence[str]) -> int:
        """Note whose keys this request's erasure destroys: the house's owners and the person; how many."""
        statement = text(
            f"""
            WITH leads AS (SELECT l.id, l.subject_id FROM base_leads l WHERE {THEIR_LEAD}),
            found AS (
                SELECT subject_id FROM leads
                 UNION SELECT p.subject_id FROM parcels p
                        WHERE p.state = :state AND p.address_key = :address_key
                 UNION SELECT j.subject_id FROM enrichment_jobs j JOIN leads ON leads.id = j.base_lead_id
                 UNION SELECT d.subject_id FROM permit_details d JOIN roofing_permits r ON r.id = d.permit_id
                        WHERE r.state = :state AND r.address_key = :address_key
                 UNION SELECT g.subject_id FROM aged_leads g
                        WHERE g.suppression_keys && CAST(:hashes AS text[])
                 UNION SELECT r.subject_id FROM privacy_requests r WHERE r.id = :request_id
                 UNION SELECT c.subject_id FROM privacy_codes c
                        WHERE c.suppression_keys && CAST(:hashes AS text[])
                          AND (c.session_until IS NULL OR c.session_until < now())
            ), noted AS (
                INSERT INTO privacy_subjects (privacy_request_id, subject_id)
                SELECT :request_id, subject_id FROM found WHERE subject_id IS NOT NULL
                ON CONFLICT DO NOTHING RETURNING 1)
            SELECT count(*) FROM noted
            """  # noqa: S608 - a condition of ours
        )
        values = {**who, "request_id": request_id, "hashes": list(hashes)}
        return int((await self._session.execute(statement, values)).scalar_one())

    async def name_subjects(self, request_id: UUID, subjects: Sequence[UUID]) -> None:
        """Note that this request's erasure destroys these keys, besides those that its words lead to."""
        statement = text(
            """
            INSERT INTO privacy_subjects (privacy_request_id, subject_id)
            SELECT :request_id, unnest(CAST(:subjects AS uuid[])) ON CONFLICT DO NOTHING
            """
        )
        await self._session.execute(statement, {"request_id": request_id, "subjects": list(subjects)})

    async def shred_keys(self, request_id: UUID) -> int:
        """Destroy the keys of the noted people: every copy of their ciphertext is noise from here on; how many."""
        statement = text(
            """
            WITH gone AS (
                UPDATE compliance.subject_key SET wrapped_key = NULL, shredded_at = now()
                 WHERE shredded_at IS NULL AND subject_id IN (
                       SELECT subject_id FROM privacy_subjects WHERE privacy_request_id = :id) RETURNING 1)
            SELECT count(*) FROM gone
            """
        )
        return int((await self._session.execute(statement, {"id": request_id})).scalar_one())

    async def close(self, request_id: UUID, workflow_id: UUID) -> bool:
        """End an erasure by what its steps counted; what is left is the proof, without the person."""
        statement = text(
            """
            UPDATE privacy_requests
               SET status = 'carried_out', closed_at = now(), outcome = (
                       SELECT coalesce(jsonb_object_agg(counted.key, counted.value), '{}'::jsonb)
                         FROM core.step s, jsonb_each(s.output) AS counted WHERE s.workflow_id = :workflow_id)
             WHERE id = :id AND status = 'erasing'
            RETURNING id
            """
        )
        values = {"id": request_id, "workflow_id": workflow_id}
        return (await self._session.execute(statement, values)).scalar_one_or_none() is not None

    async def notices(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """What a buyer was told to delete, newest first."""
        statement = text(
            """
            SELECT id, sale_id, aged_sale_id, created_at, acknowledged_at FROM privacy_notices
             WHERE contractor_id = :contractor_id ORDER BY created_at DESC, id LIMIT 500
            """
        )
        return (await self._session.execute(statement, {"contractor_id": contractor_id})).all()

    async def acknowledge(self, notice_id: UUID, contractor_id: UUID) -> Row[Any] | None:
        """Note that a buyer deleted what it held; the first time counts."""
        statement = text(
            """
            UPDATE privacy_notices SET acknowledged_at = coalesce(acknowledged_at, now())
             WHERE id = :id AND contractor_id = :contractor_id
            RETURNING id, sale_id, aged_sale_id, created_at, acknowledged_at
            """
        )
        values = {"id": notice_id, "contractor_id": contractor_id}
        return (await self._session.execute(statement, values)).one_or_none()
