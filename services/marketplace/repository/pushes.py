"""Every statement about notices on people's devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import KINDS
from services.marketplace.domain.pushes import PUSHED_WITHIN
from shared.schemas.account_enums import PushEnd


class PushRepository:
    """Devices, what a person wants on them, and what went to each."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(statement), dict(values))).all()

    async def groups(self, user_id: UUID) -> Sequence[str]:
        """The groups that a person gets on its devices."""
        (row,) = await self._rows("SELECT notice_push FROM users WHERE id = :id", {"id": user_id})
        found: Sequence[str] = row.notice_push
        return found

    async def set_groups(self, user_id: UUID, groups: Sequence[str]) -> None:
        """Set the groups that a person gets on its devices."""
        statement = text("UPDATE users SET notice_push = CAST(:groups AS text[]) WHERE id = :id")
        await self._session.execute(statement, {"id": user_id, "groups": list(groups)})

    async def devices(self, user_id: UUID, vapid_key: str) -> Sequence[Row[Any]]:
        """A person's devices that take what this key signs, newest first."""
        statement = """
            SELECT id, device, created_at FROM push_subscriptions
             WHERE user_id = :user AND vapid_key = :key AND ended_at IS NULL ORDER BY created_at DESC, id
        """
        return await self._rows(statement, {"user": user_id, "key": vapid_key})

    async def device(self, device_id: UUID) -> Row[Any]:
        """A device that is on record, ended or not."""
        statement = "SELECT id, device, created_at FROM push_subscriptions WHERE id = :id"
        (row,) = await self._rows(statement, {"id": device_id})
        return row

    async def lock_person(self, user_id: UUID) -> None:
        """Let nobody else add a device of this person until the caller commits."""
        await self._rows("SELECT 1 FROM users WHERE id = :id FOR NO KEY UPDATE", {"id": user_id})

    async def at(self, endpoint: str) -> Row[Any] | None:
        """Whose live device has this address, locked until the caller commits."""
        statement = (
            "SELECT id, user_id, p256dh, auth FROM push_subscriptions WHERE endpoint = :endpoint FOR UPDATE"
        )
        found = await self._rows(statement, {"endpoint": endpoint})
        return found[0] if found else None

    async def add(self, device: Mapping[str, Any]) -> UUID | None:
        """The id of a new device; None where another transaction has just taken its address."""
        statement = """
            INSERT INTO push_subscriptions (user_id, contractor_id, device, vapid_key, endpoint, p256dh, auth)
            VALUES (:user_id, :contractor_id, :device, :vapid_key, :endpoint, :p256dh, :auth)
            ON CONFLICT (endpoint) DO NOTHING RETURNING id
        """
        found = await self._rows(statement, device)
        return found[0].id if found else None

    async def renew(self, device_id: UUID, device: Mapping[str, Any]) -> None:
        """What the browser of a known address says now."""
        statement = text(
            """
            UPDATE push_subscriptions
               SET device = :device, vapid_key = :vapid_key, p256dh = :p256dh, auth = :auth WHERE id = :id
            """
        )
        values = {name: device[name] for name in ("device", "vapid_key", "p256dh", "auth")}
        await self._session.execute(statement, values | {"id": device_id})

    async def end(self, device_id: UUID, why: PushEnd, now: datetime, *, user_id: UUID | None = None) -> bool:
        """Forget where a device is and why; False where no live one of this id is this person's, or anybody's."""
        statement = """
            UPDATE push_subscriptions
               SET endpoint = NULL, p256dh = NULL, auth = NULL, ended_at = :now, ended_why = :why
             WHERE id = :id AND ended_at IS NULL AND user_id = coalesce(CAST(:user AS uuid), user_id) RETURNING id
        """
        return bool(await self._rows(statement, {"id": device_id, "why": why, "now": now, "user": user_id}))

    async def put_into_pushes(self, vapid_key: str, now: datetime) -> Sequence[UUID]:
        """Give every new unread notice to one message for each device of whoever wants its group; the messages begun.

        Once in a message a notice goes into no other of that device, whichever of two runs saw it first. A device gets
        what is newer than itself.
        """
        statement = """
            WITH due AS (
                SELECT n.id, n.contractor_id, d.id AS subscription_id
                  FROM push_subscriptions d
                  JOIN users u ON u.id = d.user_id AND u.contractor_id = d.contractor_id AND u.disabled_at IS NULL
                  JOIN notifications n ON n.contractor_id = d.contractor_id AND n.created_at >= d.created_at
                  JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp)
                    ON k.kind = n.kind AND k.grp = ANY (u.notice_push)
                 WHERE d.ended_at IS NULL AND d.vapid_key = :key AND n.channel = 'in_app' AND n.read_at IS NULL
                   AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
                   AND NOT EXISTS (SELECT 1 FROM notice_pushes p WHERE p.notification_id = n.id AND p.subscription_id = d.id)
            ), push AS (
                SELECT subscription_id, gen_random_uuid() AS id FROM due GROUP BY subscription_id
            ), taken AS (
                INSERT INTO notice_pushes (notification_id, subscription_id, contractor_id, push_id)
                SELECT due.id, subscription_id, due.contractor_id, push.id FROM due JOIN push USING (subscription_id)
                ON CONFLICT DO NOTHING RETURNING push_id
            )
            SELECT DISTINCT push_id FROM taken
        """
        return [row.push_id for row in await self._rows(statement, _news(now) | {"key": vapid_key})]

    async def of_push(self, push_id: UUID, vapid_key: str, now: datetime) -> Sequence[Row[Any]]:
        """The notices of a message that are still news, unread and wanted on a live device, newest first.

        Each row names the device and says whether an operator has stopped all contact.
        """
        statement = """
            SELECT n.id, n.kind, n.reason, n.sale_id, n.created_at, n.read_at, l.city, l.state,
                   d.id AS device_id, d.endpoint, d.p256dh, d.auth,
                   EXISTS (SELECT 1 FROM core.feature_flag f WHERE f.enabled
                              AND f.key IN ('kill.contact', 'kill.contact.push', 'kill.state.' || c.state)) AS stopped
              FROM notice_pushes p
              JOIN push_subscriptions d ON d.id = p.subscription_id AND d.ended_at IS NULL AND d.vapid_key = :key
              JOIN notifications n ON n.id = p.notification_id
              JOIN unnest(CAST(:kinds AS text[]), CAST(:groups AS text[])) AS k(kind, grp) ON k.kind = n.kind
              JOIN users u ON u.id = d.user_id AND u.contractor_id = p.contractor_id AND u.disabled_at IS NULL
               AND k.grp = ANY (u.notice_push)
              JOIN contractors c ON c.id = p.contractor_id
              LEFT JOIN sales s ON s.id = n.sale_id
              LEFT JOIN base_leads l ON l.id = s.base_lead_id
             WHERE p.push_id = :push AND n.read_at IS NULL
               AND n.created_at > CAST(:now AS timestamptz) - make_interval(secs => :within)
             ORDER BY n.created_at DESC, n.id
        """
        return await self._rows(statement, _news(now) | {"push": push_id, "key": vapid_key})


def _news(now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "within": PUSHED_WITHIN.total_seconds(),
        "kinds": list(KINDS),
        "groups": [kind.group for kind in KINDS.values()],
    }
