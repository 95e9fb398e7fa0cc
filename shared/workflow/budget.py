"""Money set aside before it is spent: one conditional update, so parallel calls cannot overspend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import BudgetExceeded

ENSURE = text(
    """
    INSERT INTO core.budget AS known (scope, cap) VALUES (:scope, :cap)
    ON CONFLICT (scope) DO UPDATE SET cap = excluded.cap WHERE known.cap <> excluded.cap
    """
)
RESERVE = text(
    """
    UPDATE core.budget SET reserved = reserved + :amount
     WHERE scope = :scope AND spent + reserved + :amount <= cap
    """
)
INSERT_RESERVATION = text(
    """
    INSERT INTO core.budget_reservation (id, scopes, amount, state, provider, expires_at)
    VALUES (:id, :scopes, :amount, 'reserved', :provider, now() + interval '15 minutes')
    """
)
CLOSE_RESERVATION = text(
    """
    UPDATE core.budget_reservation SET state = :state, actual = :actual
     WHERE id = :id AND state IN ('reserved', 'unknown') RETURNING scopes, amount
    """
)
SETTLE = text(
    """
    WITH held AS (SELECT scope FROM core.budget WHERE scope = ANY (:scopes) ORDER BY scope FOR UPDATE)
    UPDATE core.budget b SET reserved = b.reserved - :amount, spent = b.spent + :actual
      FROM held WHERE b.scope = held.scope
    """
)
EXPIRE = text(
    "UPDATE core.budget_reservation SET state = 'unknown' WHERE state = 'reserved' AND expires_at < now()"
)
RECONCILABLE = text(
    """
    SELECT r.id, r.amount, billed.cost
      FROM core.budget_reservation r
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(u.cost), 0) AS cost FROM api_usage_logs u
         WHERE u.api_provider = r.provider AND u.reservation_id = r.id
           AND u.created_at BETWEEN r.created_at - interval '1 hour' AND r.expires_at + interval '1 day') billed
     WHERE r.state = 'unknown' AND (billed.cost > 0 OR r.expires_at < now() - interval '24 hours')
     ORDER BY r.expires_at LIMIT 500
    """
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside under one or more scopes until it is settled or released."""

    id: UUID
    amount: Decimal


class Budget:
    """Budgets in Postgres: scopes such as `provider:hunter:2026-11-22`, `city:<id>:<day>`, `lead:<id>`."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def reserve(self, caps: Mapping[str, Decimal], amount: Decimal, *, provider: str) -> Reservation:
        """Set `amount` USD aside in every scope, or raise BudgetExceeded naming the first that is used up."""
        reservation = Reservation(uuid4(), amount)
        async with self._unit_of_work() as uow:
            for scope, cap in sorted(caps.items()):
                await uow.session.execute(ENSURE, {"scope": scope, "cap": cap})
                taken = await uow.session.execute(RESERVE, {"scope": scope, "amount": amount})
                if taken.rowcount != 1:  # type: ignore[attr-defined]
                    raise BudgetExceeded(f"the budget {scope} is used up", provider=provider, scope=scope)
            await uow.session.execute(
                INSERT_RESERVATION,
                {"id": reservation.id, "scopes": sorted(caps), "amount": amount, "provider": provider},
            )
        return reservation

    async def settle(self, reservation: Reservation, actual: Decimal) -> None:
        """Turn a reservation into what was really spent; a second settlement changes nothing."""
        await self._close(reservation, "settled", actual)

    async def release(self, reservation: Reservation) -> None:
        """Give the whole reservation back: nothing was spent."""
        await self._close(reservation, "released", Decimal(0))

    async def expire(self) -> int:
        """Mark reservations older than 15 minutes unknown; their money stays reserved until reconciled."""
        async with self._unit_of_work() as uow:
            return (await uow.session.execute(EXPIRE)).rowcount  # type: ignore[attr-defined,no-any-return]

    async def reconcile(self) -> int:
        """Close unknown reservations: settled at what the usage log says was billed, released after a day without.

        Until then nobody can tell whether the vendor bills, so the money stays reserved. Returns how many.
        """
        async with self._unit_of_work() as uow:
            rows = (await uow.session.execute(RECONCILABLE)).all()
        for row in rows:
            state = "settled" if row.cost else "released"
            await self._close(Reservation(row.id, row.amount), state, row.cost)
        return len(rows)

    async def _close(self, reservation: Reservation, state: str, actual: Decimal) -> None:
        async with self._unit_of_work() as uow:
            row = (
                await uow.session.execute(
                    CLOSE_RESERVATION, {"id": reservation.id, "state": state, "actual": actual}
                )
            ).one_or_none()
            if row is not None:
                await uow.session.execute(
                    SETTLE, {"amount": row.amount, "actual": actual, "scopes": list(row.scopes)}
                )
