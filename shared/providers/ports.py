"""What the base client needs from others: money set aside before a call, and a place for cost rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from shared.workflow.budget import Reservation


class BudgetPort(Protocol):
    """Sets money aside before it is spent; `shared.workflow.budget.Budget` is the one in use.

    A reservation neither settled nor released becomes `unknown` and is reconciled with the vendor's figures.
    """

    async def reserve(self, caps: Mapping[str, Decimal], amount: Decimal, *, provider: str) -> Reservation:
        """Reserve US dollars under every scope, or raise BudgetExceeded and reserve nothing."""

    async def settle(self, reservation: Reservation, actual: Decimal) -> None:
        """Book what the call truly cost."""

    async def release(self, reservation: Reservation) -> None:
        """Give the money back: the call was not made or cost nothing."""


class FetchGate(Protocol):
    """Answers for every source of public data whether it may be read, and keeps the answer."""

    async def admit(self, source_key: str) -> None:
        """Return where the source may be read; raise FetchDenied with the reasons where not."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One request to a vendor as api_usage_logs keeps it; parameters are already redacted."""

    provider: str
    endpoint: str
    method: str
    params: Mapping[str, object]
    status: int | None
    seconds: float
    cost: Decimal
    success: bool
    at: datetime
    error: str | None = None
    entity_type: str | None = None
    entity_id: UUID | None = None
    reservation_id: UUID | None = None


class UsageLog(Protocol):
    """Takes cost and latency rows without making the caller wait."""

    def record(self, row: UsageRow) -> None:
        """Keep the row; it reaches the database soon, in a batch."""


@dataclass(slots=True)
class MemoryUsageLog:
    """Keeps rows in a list: for tools and tests that have no database."""

    rows: list[UsageRow] = field(default_factory=list)

    def record(self, row: UsageRow) -> None:
        """Append the row."""
        self.rows.append(row)
