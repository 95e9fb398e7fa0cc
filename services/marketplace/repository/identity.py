"""Codes that prove who asks, the sessions they open, and whom an e-mail address belongs to at a house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

LIVE = "used_at IS NULL AND withdrawn_at IS NULL AND expires_at > now()"
KNOWN_OF = """
    SELECT c.id, c.subject_id, c.person, c.suppression_keys, c.code_hash, c.privacy_request_id, c.session_until
      FROM privacy_codes c
"""
# Whoever the proven address belongs to at this house, and what we hold there under the same full name. A finder looks for
# the owner whom a record names first (`named_first`); an address that a county published may be any owner's. What stands
# in a permit was typed by whoever applied, often a contractor: it proves that record and no other of the name in it.
OWNERS = """
    WITH house AS (
        SELECT l.subject_id, l.owner_name_hash, l.owner_email_hash, NOT coalesce(s.government, true) AS searched,
               true AS of_an_owner
          FROM base_leads l
          LEFT JOIN compliance.provenance p ON p.entity = 'base_leads' AND p.entity_id = l.id AND p.field = 'owner_email'
          LEFT JOIN compliance.source_registry s ON s.source_key = coalesce(p.source, l.owner_email_source)
         WHERE l.state = :state AND l.address_key = :address_key
         UNION ALL
        SELECT p.subject_id, p.owner_name_hash, p.owner_email_hash, false, true
          FROM parcels p WHERE p.state = :state AND p.address_key = :address_key
         UNION ALL
        SELECT d.subject_id, d.owner_name_hash, d.owner_email_hash, false, false
          FROM permit_details d JOIN roofing_permits r ON r.id = d.permit_id
         WHERE r.state = :state AND r.address_key = :address_key
         UNION ALL
        SELECT g.subject_id, NULL, CAST(:email AS text), true, true
          FROM aged_leads g WHERE g.suppression_keys @> ARRAY[CAST(:address AS text), CAST(:email AS text)]
    ), proven AS (
        SELECT subject_id, owner_name_hash, searched, of_an_owner FROM house WHERE owner_email_hash = :email
    )
    SELECT h.subject_id, bool_or((SELECT bool_and(searched) FROM proven)) AS named_first,
           bool_or((SELECT bool_or(of_an_owner) FROM proven)) AS by_name
      FROM house h JOIN compliance.subject_key k ON k.subject_id = h.subject_id AND k.wrapped_key IS NOT NULL
     WHERE h.subject_id IN (SELECT subject_id FROM proven)
        OR h.owner_name_hash IN (SELECT owner_name_hash FROM proven WHERE of_an_owner)
     GROUP BY h.subject_id
"""


class PrivacyCodeRepository:
    """Rows of privacy_codes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replace(self, values: Mapping[str, Any], life: timedelta) -> None:
        """A new code, which ends the live one of this house and address; two at once are made one after the other."""
        keys = {"keys": list(values["suppression_keys"])}
        lock = text(
            "SELECT pg_advisory_xact_lock(hashtextextended(array_to_string(CAST(:keys AS text[]), ','), 43))"
        )
        await self._session.execute(lock, keys)
        ends = text(
            """
            UPDATE privacy_codes SET withdrawn_at = now()
             WHERE suppression_keys = CAST(:keys AS text[]) AND used_at IS NULL AND withdrawn_at IS NULL
            """
        )
        await self._session.execute(ends, keys)
        statement = text(
            """
            INSERT INTO privacy_codes (id, subject_id, person, suppression_keys, code_hash, expires_at)
            VALUES (:id, :subject_id, :person, :suppression_keys, :code_hash, now() + CAST(:life AS interval))
            """
        )
        await self._session.execute(statement, {**values, "life": life})

    async def to_send(self, code_id: UUID) -> Row[Any] | None:
        """A code that holds still."""
        statement = text(f"{KNOWN_OF} WHERE c.id = :id AND {LIVE}")
        return (await self._session.execute(statement, {"id": code_id})).one_or_none()

    async def count_try(self, code_id: UUID, most: int) -> Row[Any] | None:
        """A code that may be tried, this try counted and the row locked; None for any other."""
        statement = text(
            f"""
            UPDATE privacy_codes SET tries = tries + 1 WHERE id = :id AND tries < :most AND {LIVE}
            RETURNING id, subject_id, person, suppression_keys, code_hash
            """  # noqa: S608 - a condition of ours
        )
        return (await self._session.execute(statement, {"id": code_id, "most": most})).one_or_none()

    async def open(self, code_id: UUID, request_id: UUID, life: timedelta) -> None:
        """Make a locked code the session of a request."""
        statement = text(
            """
            UPDATE privacy_codes SET used_at = now(), session_until = now() + CAST(:life AS interval),
                   privacy_request_id = :request_id
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": code_id, "request_id": request_id, "life": life})

    async def session_of(self, code_id: UUID) -> Row[Any] | None:
        """A session that lasts."""
        statement = text(f"{KNOWN_OF} WHERE c.id = :id AND c.session_until > now()")
        return (await self._session.execute(statement, {"id": code_id})).one_or_none()

    async def close(self, code_id: UUID) -> None:
        """End a session."""
        statement = text(
            "UPDATE privacy_codes SET session_until = now() WHERE id = :id AND session_until > now()"
        )
        await self._session.execute(statement, {"id": code_id})

    async def forget(self, code_id: UUID) -> None:
        """Delete a code that is for nobody, and its key."""
        await self._forget("c.id = :id", {"id": code_id})

    async def forget_old(self, kept: timedelta) -> int:
        """Delete the codes that were asked for longer ago than `kept`, and their keys; how many."""
        return await self._forget("c.created_at < now() - CAST(:kept AS interval)", {"kept": kept})

    async def _forget(self, which: str, values: Mapping[str, Any]) -> int:
        statement = text(
            f"""
            WITH gone AS (DELETE FROM privacy_codes c WHERE {which} RETURNING c.subject_id),
            shredded AS (
                UPDATE compliance.subject_key k SET wrapped_key = NULL, shredded_at = now()
                  FROM gone WHERE k.subject_id = gone.subject_id AND k.shredded_at IS NULL)
            SELECT count(*) FROM gone
            """  # noqa: S608 - a condition of ours
        )
        return int((await self._session.execute(statement, dict(values))).scalar_one())

    async def owners(self, who: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """The people of this house whose e-mail address this is, whom we can still read."""
        return (await self._session.execute(text(OWNERS), dict(who))).all()

    async def has_asked(self, keys: Sequence[str]) -> UUID | None:
        """The newest request about this house from this address."""
        statement = text(
            """
            SELECT id FROM privacy_requests WHERE suppression_keys @> CAST(:keys AS text[])
             ORDER BY received_at DESC, id DESC LIMIT 1
            """
        )
        found: UUID | None = (
            await self._session.execute(statement, {"keys": list(keys)})
        ).scalar_one_or_none()
        return found

    async def open_question(self, keys: Sequence[str]) -> UUID | None:
        """The oldest open request to be told about this house from this address."""
        statement = text(
            """
            SELECT id FROM privacy_requests
             WHERE kind = 'know' AND status = 'received' AND suppression_keys @> CAST(:keys AS text[])
             ORDER BY received_at, id LIMIT 1
            """
        )
        found: UUID | None = (
            await self._session.execute(statement, {"keys": list(keys)})
        ).scalar_one_or_none()
        return found
