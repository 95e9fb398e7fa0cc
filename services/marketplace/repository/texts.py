"""Every statement about the numbers we text, their consents, and what comes in by text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.texting import SELLER

REVOKED = ("ai_voice", "live_call", "sms")
"""CON-5: a revocation by telephone covers every voice and text."""
NUMBER = """
    SELECT t.id, t.user_id, t.contractor_id, t.subject_id, t.phone, t.phone_hash, t.area_code, t.groups, t.evidence,
           t.code_hash, t.code_until, t.tries, t.line_type, t.line_type_at, t.reassigned, t.reassigned_at, t.refused,
           t.confirmed_at, t.ended_at, t.ended_by, c.state AS home_state, c.time_zone, u.disabled_at
      FROM text_numbers t
      JOIN contractors c ON c.id = t.contractor_id
      JOIN users u ON u.id = t.user_id
"""


class TextNumberRepository:
    """Rows of text_numbers, the ledger of consents and the list of suppressions by text."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, phone_hash: str) -> None:
        """Wait for the turn of a number; whoever spends a decision for it takes the same turn, and takes it first."""
        statement = text("SELECT compliance.lock_contact_key(:hash)")
        await self._session.execute(statement, {"hash": phone_hash})

    async def live(self, user_id: UUID) -> Row[Any] | None:
        """The number of a person that has not ended."""
        statement = text(f"{NUMBER} WHERE t.user_id = :user AND t.ended_at IS NULL")
        return (await self._session.execute(statement, {"user": user_id})).one_or_none()

    async def latest(self, user_id: UUID) -> Row[Any] | None:
        """The newest number of a person, ended or not."""
        statement = text(f"{NUMBER} WHERE t.user_id = :user ORDER BY t.created_at DESC, t.id LIMIT 1")
        return (await self._session.execute(statement, {"user": user_id})).one_or_none()

    async def at(self, phone_hash: str) -> Row[Any] | None:
        """A number that somebody proved and has not ended, by its blind index."""
        statement = text(
            f"""
            {NUMBER} WHERE t.phone_hash = :hash AND t.ended_at IS NULL AND t.confirmed_at IS NOT NULL
             ORDER BY t.confirmed_at, t.id LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"hash": phone_hash})).one_or_none()

    async def of(self, number_id: UUID) -> Row[Any] | None:
        """A number by its id, if it has not ended."""
        statement = text(f"{NUMBER} WHERE t.id = :id AND t.ended_at IS NULL")
        return (await self._session.execute(statement, {"id": number_id})).one_or_none()

    async def add(self, values: Mapping[str, Any], life: timedelta) -> None:
        """A number that waits for its code."""
        statement = text(
            """
            INSERT INTO text_numbers (id, user_id, contractor_id, subject_id, phone, phone_hash, area_code, groups,
                                      evidence, code_hash, code_until)
            VALUES (:id, :user_id, :contractor_id, :subject_id, :phone, :phone_hash, :area_code,
                    CAST(:groups AS text[]), CAST(:evidence AS jsonb), :code_hash, now() + CAST(:life AS interval))
            """
        )
        evidence = orjson.dumps(values["evidence"]).decode()
        await self._session.execute(statement, {**values, "evidence": evidence, "life": life})

    async def count_try(self, user_id: UUID, most: int) -> Row[Any] | None:
        """The number whose code may be tried, this try counted and the row locked; None where none may."""
        statement = text(
            """
            UPDATE text_numbers SET tries = tries + 1
             WHERE user_id = :user AND ended_at IS NULL AND confirmed_at IS NULL AND tries < :most AND code_until > now()
            RETURNING id, contractor_id, phone_hash, code_hash, evidence
            """
        )
        return (await self._session.execute(statement, {"user": user_id, "most": most})).one_or_none()

    async def confirm(self, number_id: UUID) -> None:
        """A number is its person's; its code is spent."""
        statement = text("UPDATE text_numbers SET confirmed_at = now(), refused = '{}' WHERE id = :id")
        await self._session.execute(statement, {"id": number_id})

    async def set_groups(self, number_id: UUID, groups: Sequence[str]) -> None:
        """Set which notices come to a number."""
        statement = text("UPDATE text_numbers SET groups = CAST(:groups AS text[]) WHERE id = :id")
        await self._session.execute(statement, {"id": number_id, "groups": list(groups)})

    async def refuse(self, number_id: UUID, reasons: Sequence[str]) -> None:
        """Keep why a number was not texted."""
        statement = text("UPDATE text_numbers SET refused = CAST(:reasons AS text[]) WHERE id = :id")
        await self._session.execute(statement, {"id": number_id, "reasons": list(reasons)})

    async def know(self, number_id: UUID, facts: Mapping[str, Any]) -> None:
        """Keep what was asked of a number: its kind of line, whether it went to somebody else."""
        statement = text(
            """
            UPDATE text_numbers SET line_type = :line_type, line_type_at = :line_type_at, reassigned = :reassigned,
                   reassigned_at = :reassigned_at
             WHERE id = :id
            """
        )
        await self._session.execute(statement, {"id": number_id, **facts})

    async def end(self, *, by: str, number_id: UUID | None = None, phone_hash: str | None = None) -> int:
        """End one number, or all rows of a number; the number itself is forgotten with its key, its blind index stays."""
        statement = text(
            """
            WITH gone AS (
                UPDATE text_numbers SET ended_at = now(), ended_by = :by, phone = ''
                 WHERE ended_at IS NULL AND (id = CAST(:id AS uuid) OR phone_hash = CAST(:hash AS text))
                RETURNING subject_id),
            shredded AS (
                UPDATE compliance.subject_key k SET wrapped_key = NULL, shredded_at = now()
                  FROM gone WHERE k.subject_id = gone.subject_id AND k.shredded_at IS NULL)
            SELECT count(*) FROM gone
            """
        )
        values = {"by": by, "id": number_id, "hash": phone_hash}
        return int((await self._session.execute(statement, values)).scalar_one())

    async def forget_unproven(self, kept: timedelta) -> int:
        """End the numbers whose code ran out longer ago than `kept`: how many."""
        statement = text(
            """
            WITH gone AS (
                UPDATE text_numbers SET ended_at = now(), ended_by = 'unproven', phone = ''
                 WHERE ended_at IS NULL AND confirmed_at IS NULL AND code_until < now() - CAST(:kept AS interval)
                RETURNING subject_id),
            shredded AS (
                UPDATE compliance.subject_key k SET wrapped_key = NULL, shredded_at = now()
                  FROM gone WHERE k.subject_id = gone.subject_id AND k.shredded_at IS NULL)
            SELECT count(*) FROM gone
            """
        )
        return int((await self._session.execute(statement, {"kept": kept})).scalar_one())

    async def grant(self, party_id: UUID, phone_hash: str, evidence: Mapping[str, Any]) -> None:
        """The written consent to be texted at a number (CON-1)."""
        statement = text(
            """
            INSERT INTO compliance.consent_event (recorded_at, party_id, contact_hash, channel_scope, seller, kind,
                                                  granted_at, source, evidence)
            VALUES (clock_timestamp(), :party, :hash, ARRAY['sms'], :seller, 'PEWC', now(), 'url',
                    CAST(:evidence AS jsonb))
            """
        )
        told = orjson.dumps(dict(evidence)).decode()
        values = {"party": party_id, "hash": phone_hash, "seller": SELLER, "evidence": told}
        await self._session.execute(statement, values)

    async def revoke(self, phone_hash: str, *, via: str, words: str | None = None) -> None:
        """Take back every consent to a number that stands; nothing where none does."""
        statement = text(
            """
            INSERT INTO compliance.consent_event (recorded_at, party_id, contact_hash, channel_scope, seller, kind,
                                                  source, revoked_at, revoked_via, revocation_text)
            SELECT clock_timestamp(), latest.party_id, :hash, CAST(:scope AS text[]), :seller, 'PEWC', 'api', now(),
                   :via, :words
              FROM (SELECT DISTINCT ON (c.party_id) c.party_id, c.revoked_at
                      FROM compliance.consent_event c WHERE c.contact_hash = :hash
                     ORDER BY c.party_id, c.recorded_at DESC) latest
             WHERE latest.revoked_at IS NULL
            """
        )
        values = {"hash": phone_hash, "scope": list(REVOKED), "seller": SELLER, "via": via, "words": words}
        await self._session.execute(statement, values)

    async def suppress(self, phone_hash: str, message_id: str) -> None:
        """Nobody calls or texts a number after STOP; the same again changes nothing."""
        statement = text(
            """
            INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source, details)
            VALUES ('phone', :hash, 'voice', 'stop', 'text', jsonb_build_object('message', CAST(:message AS text)))
            ON CONFLICT (value_hash, kind, scope, reason) DO NOTHING
            """
        )
        await self._session.execute(statement, {"hash": phone_hash, "message": message_id})

    async def take_keyword(self, message_id: str, phone_hash: str, keyword: str) -> bool:
        """Keep a word that came in and the number's turn with it; False where this message was taken before."""
        statement = text(
            """
            INSERT INTO compliance.text_keyword (message_id, phone_hash, keyword) VALUES (:message, :hash, :keyword)
            ON CONFLICT (message_id) DO NOTHING
            """
        )
        values = {"message": message_id, "hash": phone_hash, "keyword": keyword}
        return bool((await self._session.execute(statement, values)).rowcount)  # type: ignore[attr-defined]

    async def texted_within(self, days: int, phone_hash: str, template: str) -> int:
        """How many texts of a template were allowed to a number in so many days, the caller's own among them."""
        statement = text(
            """
            SELECT count(*) FROM compliance.contact_decision
             WHERE recipient_hash = :hash AND channel = 'sms' AND template_id = :template
               AND consumed_at > now() - make_interval(days => :days)
            """
        )
        found = await self._session.execute(
            statement, {"days": days, "hash": phone_hash, "template": template}
        )
        return int(found.scalar_one())
