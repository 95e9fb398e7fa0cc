"""Every statement about notices in our own pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import KINDS, MAILED_WITHIN, NoticeName
from services.marketplace.domain.speed import NUDGED_DAYS, NUDGES

MINUTE = 60


class NoticeRepository:
    """The in-app notices of companies."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def newest(self, contractor_id: UUID, *, unread_only: bool, limit: int) -> Sequence[Row[Any]]:
        """Notices of a company, newest first, with the place of the lead they are about."""
        statement = text(
            """
            SELECT n.id, n.kind, n.reason, n.sale_id, n.created_at, n.read_at, l.city, l.state
              FROM notifications n
              LEFT JOIN sales s ON s.id = n.sale_id
              LEFT JOIN base_leads l ON l.id = s.base_lead_id
             WHERE n.contractor_id = :contractor AND n.channel = 'in_app' AND (n.read_at IS NULL OR NOT :unread_only)
             ORDER BY n.created_at DESC, n.id LIMIT :limit
            """
        )
        values = {"contractor": contractor_id, "unread_only": unread_only, "limit": limit}
        return (await self._session.execute(statement, values)).all()

    async def unread(self, contractor_id: UUID) -> int:
        """How many notices of a company nobody has read."""
        statement = text(
            """
            SELECT count(*) FROM notifications
             WHERE contractor_id = :contractor AND channel = 'in_app' AND read_at IS NULL
            """
        )
        return int((await self._session.execute(statement, {"contractor": contractor_id})).scalar_one())

    async def read(self, notice_id: UUID, contractor_id: UUID, now: datetime) -> bool:
        """Note that a notice was read, the first time; False where the company has no such notice."""
        statement = text(
            """
            UPDATE notifications SET read_at = coalesce(read_at, :now)
             WHERE id = :id AND contractor_id = :contractor AND channel = 'in_app'
            """
        )
        values = {"id": notice_id, "contractor": contractor_id, "now": now}
        return bool((await self._session.execute(statement, values)).rowcount)  # type: ignore[attr-defined]

    async def read_until(self, until: datetime, contractor_id: UUID, now: datetime) -> int:
        """Note that every notice up to a time was read: how many were not before."""
        statement = text(
            """
            UPDATE notifications SET read_at = :now
             WHERE contractor_id = :contractor AND channel = 'in_app' AND read_at IS NULL AND created_at <= :until
            """
        )
        values = {"until": until, "contractor": contractor_id, "now": now}
        return int((await self._session.execute(statement, values)).rowcount)  # type: ignore[attr-defined]

    async def leave(self, contractor_id: UUID, kind: NoticeName, words: str) -> None:
        """A notice to a company."""
        statement = text(
            """
            INSERT INTO notifications (contractor_id, channel, kind, status, reason)
            VALUES (:contractor_id, 'in_app', :kind, 'pending', :words)
            """
        )
        values = {"contractor_id": contractor_id, "kind": kind, "words": words}
        await self._session.execute(statement, values)

    async def leave_to_owner(self, lead_id: UUID, kind: NoticeName, words: str) -> None:
        """A notice to the buyer of a sold lead, about it."""
        statement = text(
            """
            INSERT INTO notifications (contractor_id, channel, kind, status, reason, sale_id)
            SELECT contractor_id, 'in_app', :kind, 'pending', :words, id
              FROM sales WHERE base_lead_id = :lead_id AND status = 'sold'
            """
        )
        await self._session.execute(statement, {"lead_id": lead_id, "kind": kind, "words": words})

    async def nudge(self, now: datetime) -> int:
        """Leave the latest due reminder of every looked-at lead nothing is reported of: how many are new.

        After a stop of ours a buyer gets one reminder, not all it missed; one that was passed over never comes.
        """
        statement = text(
            """
            INSERT INTO notifications (contractor_id, channel, kind, status, sale_id, created_at)
            SELECT DISTINCT ON (s.id) s.contractor_id, 'in_app', n.kind, 'pending', s.id, CAST(:now AS timestamptz)
              FROM sales s
              JOIN unnest(CAST(:kinds AS text[]), CAST(:minutes AS int[])) AS n(kind, minutes)
                ON s.revealed_at <= CAST(:now AS timestamptz) - make_interval(mins => n.minutes)
             WHERE s.status = 'sold' AND s.revealed_at > CAST(:now AS timestamptz) - make_interval(days => :days)
               AND NOT EXISTS (SELECT 1 FROM sale_outcomes o WHERE o.sale_id = s.id)
               AND NOT EXISTS (SELECT 1 FROM sale_returns r WHERE r.sale_id = s.id AND r.status = 'open')
             ORDER BY s.id, n.minutes DESC
            ON CONFLICT DO NOTHING
            """
        )
        values = {
            "now": now,
            "kinds": [each.kind for each in NUDGES],
            "minutes": [int(each.after.total_seconds()) // MINUTE for each in NUDGES],
            "days": NUDGED_DAYS,
        }
        return int((await self._session.execute(statement, values)).rowcount)  # type: ignore[attr-defined]

    async def put_into_mails(self, now: datetime) -> Sequence[UUID]:
        """Give every new unread notice to one mail of each of its people who wants its group; the mails begun.

        Once in a mail a notice goes into no other of that person's, whichever of two runs saw it first.
        """
        statement = text(
            """
            WITH due AS (
                SELECT n.id, n.contractor_id, u.id AS user_id
                  FROM notifications n
                  JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp) ON k.kind = n.kind
                  JOIN users u ON u.contractor_id = n.contractor_id AND k.grp = ANY (u.notice_mail)
                 WHERE n.channel = 'in_app' AND n.read_at IS NULL AND u.disabled_at IS NULL
                   AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
                   AND NOT EXISTS (SELECT 1 FROM notice_mails m WHERE m.notification_id = n.id AND m.user_id = u.id)
            ), mail AS (
                SELECT user_id, gen_random_uuid() AS id FROM due GROUP BY user_id
            ), taken AS (
                INSERT INTO notice_mails (notification_id, user_id, contractor_id, mail_id)
                SELECT due.id, user_id, due.contractor_id, mail.id FROM due JOIN mail USING (user_id)
                ON CONFLICT DO NOTHING RETURNING mail_id
            )
            SELECT DISTINCT mail_id FROM taken
            """
        )
        values = {
            "now": now,
            "within": MAILED_WITHIN.total_seconds(),
            "kinds": list(KINDS),
            "groups": [kind.group for kind in KINDS.values()],
        }
        return (await self._session.execute(statement, values)).scalars().all()

    async def of_mail(self, mail_id: UUID, now: datetime) -> Sequence[Row[Any]]:
        """The notices of a mail that are still news, unread and wanted, newest first, with whom it goes to."""
        statement = text(
            """
            SELECT n.id, n.kind, n.reason, n.sale_id, n.created_at, n.read_at, l.city, l.state,
                   u.id AS user_id, u.email, u.full_name, m.contractor_id, c.state AS home_state, k.grp
              FROM notice_mails m
              JOIN notifications n ON n.id = m.notification_id
              JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp) ON k.kind = n.kind
              JOIN users u ON u.id = m.user_id AND u.contractor_id = m.contractor_id AND k.grp = ANY (u.notice_mail)
              JOIN contractors c ON c.id = m.contractor_id
              LEFT JOIN sales s ON s.id = n.sale_id
              LEFT JOIN base_leads l ON l.id = s.base_lead_id
             WHERE m.mail_id = :mail AND n.read_at IS NULL AND u.disabled_at IS NULL
               AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
             ORDER BY n.created_at DESC, n.id
            """
        )
        values = {
            "mail": mail_id,
            "now": now,
            "within": MAILED_WITHIN.total_seconds(),
            "kinds": list(KINDS),
            "groups": [kind.group for kind in KINDS.values()],
        }
        return (await self._session.execute(statement, values)).all()

    async def mail_settings(self, user_id: UUID) -> Sequence[str]:
        """The groups that a person gets by e-mail."""
        statement = text("SELECT notice_mail FROM users WHERE id = :id")
        found: Sequence[str] = (await self._session.execute(statement, {"id": user_id})).scalar_one()
        return found

    async def wants_mail(self, user_id: UUID, groups: Sequence[str]) -> bool:
        """Whether a person who may log in gets all these groups by e-mail; no choice changes until the caller commits."""
        statement = text(
            """
            SELECT true FROM users
             WHERE id = :id AND notice_mail @> CAST(:groups AS text[]) AND disabled_at IS NULL FOR SHARE
            """
        )
        found = await self._session.execute(statement, {"id": user_id, "groups": list(groups)})
        return found.scalar_one_or_none() is not None

    async def set_mail(self, user_id: UUID, groups: Sequence[str]) -> None:
        """Set the groups that a person gets by e-mail."""
        statement = text("UPDATE users SET notice_mail = CAST(:groups AS text[]) WHERE id = :id")
        await self._session.execute(statement, {"id": user_id, "groups": list(groups)})
