"""Every statement about news of payments that were told before we had booked them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_TAKEN = """
    DELETE FROM early_payment_news WHERE id IN (
        SELECT n.id FROM early_payment_news n WHERE {which} FOR UPDATE SKIP LOCKED)
    RETURNING payment_ref, kind, subject, occurred_at
"""


class EarlyNewsRepository:
    """News that wait for their payment."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, payment_ref: str) -> None:
        """Let whoever books this payment, or keeps news of it, wait until the caller commits."""
        statement = text(
            "SELECT pg_advisory_xact_lock(hashtextextended('payment-news:' || CAST(:ref AS text), 0))"
        )
        await self._session.execute(statement, {"ref": payment_ref})

    async def keep(self, payment_ref: str, kind: str, subject: dict[str, Any], occurred_at: datetime) -> None:
        """Keep what was told until the payment is booked."""
        statement = text(
            """
            INSERT INTO early_payment_news (payment_ref, kind, subject, occurred_at)
            VALUES (:ref, :kind, CAST(:subject AS jsonb), :occurred_at)
            """
        )
        values = {"ref": payment_ref, "kind": kind, "occurred_at": occurred_at}
        await self._session.execute(statement, values | {"subject": orjson.dumps(subject).decode()})

    async def take(self, payment_ref: str) -> Sequence[Row[Any]]:
        """The news of a payment, which are kept no longer."""
        statement = text(_TAKEN.format(which="n.payment_ref = :ref"))
        return (await self._session.execute(statement, {"ref": payment_ref})).all()

    async def take_one_ripe(self) -> Row[Any] | None:
        """A piece of news whose payment is booked by now, kept no longer; None where all of them wait rightly."""
        statement = text(
            _TAKEN.format(
                which="""n.id = (
                    SELECT w.id FROM early_payment_news w
                     WHERE EXISTS (SELECT 1 FROM plan_periods p WHERE p.payment_ref = w.payment_ref)
                        OR (w.kind = 'dispute' AND EXISTS (
                            SELECT 1 FROM payments p WHERE p.provider_ref = w.payment_ref AND p.kind = 'charge'))
                     ORDER BY w.created_at LIMIT 1 FOR UPDATE SKIP LOCKED)"""
            )
        )
        return (await self._session.execute(statement)).one_or_none()

    async def forget(self, days: int) -> int:
        """Forget news whose payment never came; returns how many."""
        statement = text(
            "DELETE FROM early_payment_news WHERE created_at < now() - make_interval(days => :days)"
        )
        result = await self._session.execute(statement, {"days": days})
        return int(result.rowcount)  # type: ignore[attr-defined]
