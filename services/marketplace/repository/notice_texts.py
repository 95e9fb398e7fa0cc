"""Every statement about texts with notices, as `notice_texts` and `notifications` keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import KINDS
from services.marketplace.domain.texts import TEXTED_WITHIN

LIVE = "t.ended_at IS NULL AND t.confirmed_at IS NOT NULL"


class NoticeTextRepository:
    """Which notice went into which text, and what became of a text."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put_into_texts(self, now: datetime) -> Sequence[UUID]:
        """Give every new unread notice to one text of each of its people who wants its group so; the texts begun.

        Once in a text a notice goes into no other of that person's, whichever of two runs saw it first.
        """
        statement = text(
            f"""
            WITH due AS (
                SELECT n.id, n.contractor_id, t.user_id
                  FROM notifications n
                  JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp) ON k.kind = n.kind
                  JOIN text_numbers t ON t.contractor_id = n.contractor_id AND k.grp = ANY (t.groups) AND {LIVE}
                  JOIN users u ON u.id = t.user_id AND u.contractor_id = n.contractor_id
                 WHERE n.channel = 'in_app' AND n.read_at IS NULL AND u.disabled_at IS NULL
                   AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
                   AND n.created_at > t.confirmed_at
                   AND NOT EXISTS (SELECT 1 FROM notice_texts m WHERE m.notification_id = n.id AND m.user_id = u.id)
            ), begun AS (
                SELECT user_id, gen_random_uuid() AS id FROM due GROUP BY user_id
            ), taken AS (
                INSERT INTO notice_texts (notification_id, user_id, contractor_id, text_id)
                SELECT due.id, user_id, due.contractor_id, begun.id FROM due JOIN begun USING (user_id)
                ON CONFLICT DO NOTHING RETURNING text_id
            )
            SELECT DISTINCT text_id FROM taken
            """  # noqa: S608 - a condition of ours
        )
        values = self._kinds() | {"now": now, "within": TEXTED_WITHIN.total_seconds()}
        return (await self._session.execute(statement, values)).scalars().all()

    async def of_text(self, text_id: UUID, now: datetime) -> Sequence[Row[Any]]:
        """The notices of a text that are still news, unread and wanted, newest first, with the number it goes to."""
        statement = text(
            f"""
            SELECT n.id, n.kind, n.reason, n.sale_id, n.created_at, n.read_at, NULL AS city, NULL AS state, k.grp,
                   t.id AS number_id
              FROM notice_texts m
              JOIN notifications n ON n.id = m.notification_id
              JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp) ON k.kind = n.kind
              JOIN text_numbers t ON t.user_id = m.user_id AND t.contractor_id = m.contractor_id
                                 AND k.grp = ANY (t.groups) AND {LIVE}
              JOIN users u ON u.id = m.user_id AND u.contractor_id = m.contractor_id
             WHERE m.text_id = :text AND n.read_at IS NULL AND u.disabled_at IS NULL
               AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
             ORDER BY n.created_at DESC, n.id
            """  # noqa: S608 - a condition of ours
        )
        values = self._kinds() | {"text": text_id, "now": now, "within": TEXTED_WITHIN.total_seconds()}
        return (await self._session.execute(statement, values)).all()

    async def wants(self, number_id: UUID, groups: Sequence[str]) -> bool:
        """Whether a proven number is still to get all these groups; no choice changes until the caller commits."""
        statement = text(
            f"""
            SELECT true FROM text_numbers t JOIN users u ON u.id = t.user_id
             WHERE t.id = :id AND {LIVE} AND t.groups @> CAST(:groups AS text[]) AND u.disabled_at IS NULL
               FOR SHARE OF t, u
            """  # noqa: S608 - a condition of ours
        )
        found = await self._session.execute(statement, {"id": number_id, "groups": list(groups)})
        return found.scalar_one_or_none() is not None

    async def waits_for_code(self, number_id: UUID) -> bool:
        """Whether a number still waits for its code; that it does cannot change until the caller commits."""
        statement = text(
            """
            SELECT true FROM text_numbers
             WHERE id = :id AND ended_at IS NULL AND confirmed_at IS NULL AND code_until > now() FOR SHARE
            """
        )
        return (await self._session.execute(statement, {"id": number_id})).scalar_one_or_none() is not None

    async def begin(self, values: Mapping[str, Any]) -> None:
        """Keep who gets a text that is about to leave, by the decision that allows it."""
        statement = text(
            """
            INSERT INTO notifications (contractor_id, user_id, channel, kind, status, decision_id, body_hash)
            VALUES (:contractor_id, :user_id, 'sms', :kind, 'pending', :decision_id, :body_hash)
            """
        )
        await self._session.execute(statement, dict(values))

    async def sent(self, decision_id: UUID, message_id: str) -> None:
        """The vendor took the text that a decision allowed."""
        statement = text(
            """
            UPDATE notifications SET status = 'sent', sent_at = now(), external_id = :message_id
             WHERE decision_id = :decision_id AND channel = 'sms' AND status = 'pending'
            """
        )
        await self._session.execute(statement, {"decision_id": decision_id, "message_id": message_id})

    async def failed(self, decision_id: UUID, code: str) -> None:
        """The vendor did not take the text that a decision allowed."""
        statement = text(
            """
            UPDATE notifications SET status = 'failed', delivery_error = :code
             WHERE decision_id = :decision_id AND channel = 'sms' AND status = 'pending'
            """
        )
        await self._session.execute(statement, {"decision_id": decision_id, "code": code})

    async def note(self, told: Mapping[str, Any], earlier: Sequence[str]) -> bool:
        """Keep what the vendor tells of a text, if it says more than before; False where it does not, or knows none.

        The decision that the callback names finds a text whose answer was lost on its way to us.
        """
        statement = text(
            """
            UPDATE notifications SET delivery = :status, delivery_error = :error,
                   external_id = coalesce(external_id, :message_id)
             WHERE channel = 'sms' AND (external_id = :message_id
                    OR (external_id IS NULL AND decision_id = CAST(:decision_id AS uuid)))
               AND (delivery IS NULL OR delivery = ANY (CAST(:earlier AS text[])))
            """
        )
        values = {**told, "earlier": list(earlier)}
        return bool((await self._session.execute(statement, values)).rowcount)  # type: ignore[attr-defined]

    @staticmethod
    def _kinds() -> dict[str, list[str]]:
        return {"kinds": list(KINDS), "groups": [kind.group for kind in KINDS.values()]}
