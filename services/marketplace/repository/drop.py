"""California's deletion list in the tables: what stands on it, whom we hold, and what became of each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

_SEALED: Final = "x.owner_name, x.owner_email, x.owner_phone, x.mailing_address"
# By name and ZIP only California is looked through; an address or a number is a match wherever its house stands.
_WORTH_A_LOOK: Final = """
    x.subject_id IS NOT NULL AND (x.owner_email IS NOT NULL OR x.owner_phone IS NOT NULL
                                  OR (x.owner_name IS NOT NULL AND h.state = 'CA'))
"""
_HOUSE: Final = "h.address, h.address_key, h.city, h.state, h.zip, '' AS person"
_PAGE: Final = "x.id > :after ORDER BY x.id LIMIT :limit"
_LEADS: Final = f"SELECT x.id, x.subject_id, {_SEALED}, {_HOUSE.replace('h.', 'x.')} FROM base_leads x"  # noqa: S608
HOLDERS: Final[Mapping[str, TextClause]] = {
    "base_leads": text(f"{_LEADS} WHERE {_WORTH_A_LOOK.replace('h.', 'x.')} AND {_PAGE}"),
    "parcels": text(
        f"""
        SELECT x.id, x.subject_id, {_SEALED}, {_HOUSE.replace("h.", "x.")} FROM parcels x
         WHERE {_WORTH_A_LOOK.replace("h.", "x.")} AND {_PAGE}
        """  # noqa: S608 - lists of ours
    ),
    "permit_details": text(
        f"""
        SELECT x.permit_id AS id, x.subject_id, {_SEALED}, {_HOUSE}
          FROM permit_details x JOIN roofing_permits h ON h.id = x.permit_id
         WHERE {_WORTH_A_LOOK} AND {_PAGE.replace("x.id", "x.permit_id")}
        """  # noqa: S608 - lists of ours
    ),
    "aged_leads": text(
        f"""
        SELECT x.id, x.subject_id, NULL AS owner_name, NULL AS owner_email, NULL AS owner_phone,
               NULL AS mailing_address, '' AS address, '' AS address_key, x.city, x.state, x.zip, x.person
          FROM aged_leads x WHERE x.person <> '' AND {_PAGE}
        """  # noqa: S608 - lists of ours
    ),
}
"""Every table that names homeowners, a page at a time; an uploading company's own customers are not ours to sell."""
# Older decisions were acted upon: the job runs every ten minutes.
OWED: Final = text(
    f"""
    {_LEADS} WHERE x.subject_id IS NOT NULL
       AND coalesce(x.owner_name, x.owner_email, x.owner_phone, x.mailing_address) IS NOT NULL
       AND x.id IN (SELECT d.base_lead_id FROM compliance.contact_decision d
                     WHERE d.obligations @> ARRAY['QUEUE_ERASURE'] AND d.decided_at > now() - interval '7 days')
     ORDER BY x.id LIMIT :limit
    """  # noqa: S608 - lists of ours
)


class DropRepository:
    """Writes and reads the list, and reads those it may mean."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, what: str) -> None:
        """Wait until no other transaction works on the same: a load of the list, or a request of it."""
        statement = text("SELECT pg_advisory_xact_lock(hashtext('drop'), hashtext(CAST(:what AS text)))")
        await self._session.execute(statement, {"what": what})

    async def newest(self, *, sandbox: bool | None = None) -> Row[Any] | None:
        """The newest whole list with the moment now; of the invented agency, of the real one, or of either."""
        statement = text(
            """
            SELECT id, completed_at, record_count, bad_lines, bad_sample, file_sha256, sandbox, matched_at, now() AS now
              FROM compliance.drop_download
             WHERE CAST(:sandbox AS boolean) IS NULL OR sandbox = CAST(:sandbox AS boolean)
             ORDER BY completed_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"sandbox": sandbox})).one_or_none()

    async def stage(self) -> None:
        """Make room for a list of this transaction."""
        definition = "SELECT tag, request_ref, kind FROM compliance.drop_record WITH NO DATA"
        await self._session.execute(
            text(f"CREATE TEMPORARY TABLE staged_drop ON COMMIT DROP AS {definition}")
        )

    async def add(self, records: Sequence[tuple[str, str, str]]) -> None:
        """Append lines to it: tag, request and kind of each."""
        tags, refs, kinds = (list(column) for column in zip(*records, strict=True))
        statement = text(
            """
            INSERT INTO staged_drop (tag, request_ref, kind)
            SELECT * FROM unnest(CAST(:tags AS text[]), CAST(:refs AS text[]), CAST(:kinds AS text[]))
            """
        )
        await self._session.execute(statement, {"tags": tags, "refs": refs, "kinds": kinds})

    async def replace(self) -> Row[Any]:
        """Let the staged list be the list; how many lines are `added` and `gone`."""
        await self._session.execute(text("ANALYZE staged_drop"))
        statement = text(
            """
            WITH gone AS (
                DELETE FROM compliance.drop_record r
                 WHERE NOT EXISTS (SELECT 1 FROM staged_drop s WHERE (s.tag, s.request_ref) = (r.tag, r.request_ref))
                RETURNING 1),
            added AS (
                INSERT INTO compliance.drop_record (tag, request_ref, kind)
                SELECT DISTINCT tag, request_ref, kind FROM staged_drop
                ON CONFLICT DO NOTHING RETURNING 1)
            SELECT (SELECT count(*) FROM added) AS added, (SELECT count(*) FROM gone) AS gone
            """
        )
        return (await self._session.execute(statement)).one()

    async def note_download(self, values: Mapping[str, Any]) -> None:
        """Keep that a list was taken whole now."""
        statement = text(
            """
            INSERT INTO compliance.drop_download (record_count, bad_lines, bad_sample, file_sha256, sandbox)
            VALUES (:record_count, :bad_lines, :bad_sample, :file_sha256, :sandbox)
            """
        )
        await self._session.execute(statement, dict(values))

    async def held(self, holder: str, after: UUID, limit: int) -> Sequence[Row[Any]]:
        """The next sealed records of a table that name a homeowner."""
        return (await self._session.execute(HOLDERS[holder], {"after": after, "limit": limit})).all()

    async def owed(self, limit: int) -> Sequence[Row[Any]]:
        """Leads that still name somebody though a decision of the last week said that the person is to be erased."""
        return (await self._session.execute(OWED, {"limit": limit})).all()

    async def meant(self, tags: Sequence[str]) -> Sequence[Row[Any]]:
        """Lines of the list under these tags."""
        statement = text(
            "SELECT tag, request_ref, kind FROM compliance.drop_record WHERE tag = ANY (CAST(:tags AS text[]))"
        )
        return (await self._session.execute(statement, {"tags": list(tags)})).all()

    async def is_erasing(
        self, hashes: Sequence[str], subjects: Sequence[UUID], request_ref: str | None
    ) -> bool:
        """Whether an erasure of one of these is under way: for this request of the list, or for any without one."""
        statement = text(
            """
            SELECT EXISTS (SELECT 1 FROM privacy_requests p
                            WHERE p.status = 'erasing'
                              AND (p.suppression_keys && CAST(:hashes AS text[])
                                   OR EXISTS (SELECT 1 FROM privacy_subjects s
                                               WHERE s.privacy_request_id = p.id
                                                 AND s.subject_id = ANY (CAST(:subjects AS uuid[]))))
                              AND (CAST(:ref AS text) IS NULL OR p.drop_ref = CAST(:ref AS text)))
            """
        )
        values = {"hashes": list(hashes), "subjects": list(subjects), "ref": request_ref}
        return bool((await self._session.execute(statement, values)).scalar_one())

    async def stand(self, request_ref: str, status: str) -> None:
        """Note how a request stands; one that was carried out is not made an opt-out by a namesake found later."""
        statement = text(
            """
            INSERT INTO compliance.drop_request AS known (request_ref, status) VALUES (:ref, :status)
            ON CONFLICT (request_ref) DO UPDATE SET status = excluded.status, changed_at = now()
             WHERE known.status <> excluded.status
               AND (excluded.status = 'deleting' OR known.status = 'not_found')
            """
        )
        await self._session.execute(statement, {"ref": request_ref, "status": status})

    async def note_deleted(self) -> None:
        """Requests whose erasures are all carried out are deleted."""
        statement = """
            UPDATE compliance.drop_request d SET status = 'deleted', changed_at = now()
             WHERE d.status = 'deleting' AND NOT EXISTS (
                   SELECT 1 FROM privacy_requests p
                    WHERE p.source = 'drop' AND p.drop_ref = d.request_ref AND p.status <> 'carried_out')
        """
        await self._session.execute(text(statement))

    async def note_match(self, download_id: UUID) -> None:
        """Keep that everybody we hold was held against this list: who it meant nobody for is not found.

        Nothing is kept where a newer list has come meanwhile: nobody was held against that one.
        """
        statement = text(
            """
            WITH matched AS (
                UPDATE compliance.drop_download d SET matched_at = now()
                 WHERE d.id = :id
                   AND NOT EXISTS (SELECT 1 FROM compliance.drop_download n WHERE n.completed_at > d.completed_at)
                RETURNING d.id)
            INSERT INTO compliance.drop_request (request_ref, status)
            SELECT DISTINCT r.request_ref, 'not_found' FROM compliance.drop_record r, matched ON CONFLICT DO NOTHING
            """
        )
        await self._session.execute(statement, {"id": download_id})

    async def unreported(self, after: str, limit: int) -> Sequence[Row[Any]]:
        """The next requests that have ended otherwise than was last reported, by reference."""
        statement = text(
            """
            SELECT request_ref, status FROM compliance.drop_request
             WHERE request_ref > :after AND status <> 'deleting' AND status IS DISTINCT FROM reported_status
             ORDER BY request_ref LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"after": after, "limit": limit})).all()

    async def note_report(self, told: Mapping[str, str]) -> None:
        """Keep what was reported of requests."""
        statement = text(
            """
            UPDATE compliance.drop_request d SET reported_status = t.status, reported_at = now()
              FROM unnest(CAST(:refs AS text[]), CAST(:statuses AS text[])) AS t (ref, status)
             WHERE d.request_ref = t.ref
            """
        )
        await self._session.execute(statement, {"refs": list(told), "statuses": list(told.values())})

    async def counts(self) -> Sequence[Row[Any]]:
        """Requests by how they stand, with those whose end is not reported."""
        statement = text(
            """
            SELECT status, count(*) AS requests,
                   count(*) FILTER (WHERE status <> 'deleting' AND status IS DISTINCT FROM reported_status) AS unreported
              FROM compliance.drop_request GROUP BY status
            """
        )
        return (await self._session.execute(statement)).all()
