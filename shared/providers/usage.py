"""Cost rows in api_usage_logs: collected in memory, written in batches in their own short transactions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.providers.ports import UsageRow

log = structlog.get_logger(__name__)

BATCH_ROWS: Final = 200
FLUSH_SECONDS: Final = 1.0
MOST_WAITING: Final = 20_000
"""While the database is away the newest rows are kept, the oldest are lost and counted in the log."""

_INSERT: Final = text(
    """
    INSERT INTO api_usage_logs (api_provider, api_endpoint, request_method, request_params, response_status,
                                response_time_ms, cost, service, entity_type, entity_id, success, error_message,
                                reservation_id, created_at)
    SELECT api_provider, api_endpoint, request_method, request_params, response_status, response_time_ms, cost,
           :service, entity_type, entity_id, success, error_message,
           reservation_id, created_at
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS row(api_provider text, api_endpoint text, request_method text, request_params jsonb,
                  response_status int, response_time_ms int, cost numeric, entity_type text, entity_id uuid,
                  success boolean, error_message text, reservation_id uuid, created_at timestamptz)
    """
)


class PostgresUsageLog:
    """Takes rows at once and writes them soon; a row is never worth failing a call for."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, *, service: str) -> None:
        self._unit_of_work = unit_of_work
        self._service = service
        self._waiting: deque[UsageRow] = deque(maxlen=MOST_WAITING)
        self._full = asyncio.Event()

    def record(self, row: UsageRow) -> None:
        """Keep the row; it reaches the database soon, in a batch."""
        if len(self._waiting) == MOST_WAITING:
            log.warning("usage_row_lost", provider=self._waiting[0].provider)
        self._waiting.append(row)
        if len(self._waiting) >= BATCH_ROWS:
            self._full.set()

    async def flush(self) -> int:
        """Write what waits; how many rows were written. Rows of a failed batch wait on."""
        written = 0
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_ROWS, len(self._waiting)))]
            try:
                await self._write(batch)
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(batch))
                raise
            except (SQLAlchemyError, OSError) as error:
                self._waiting.extendleft(reversed(batch))
                log.warning("usage_rows_waiting", rows=len(self._waiting), reason=type(error).__name__)
                break
            written += len(batch)
        return written

    async def run(self) -> None:
        """Write every second, or as soon as a batch is full, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._full.wait()
            self._full.clear()
            await self.flush()

    async def _write(self, batch: Sequence[UsageRow]) -> None:
        rows = orjson.dumps([_columns(row) for row in batch]).decode()
        async with self._unit_of_work() as uow:
            await uow.session.execute(_INSERT, {"rows": rows, "service": self._service})


@asynccontextmanager
async def open_usage_log(unit_of_work: UnitOfWorkFactory, *, service: str) -> AsyncIterator[PostgresUsageLog]:
    """A log that writes in the background and once more at the end."""
    usage = PostgresUsageLog(unit_of_work, service=service)
    writer = asyncio.create_task(usage.run(), name="usage-log")
    try:
        yield usage
    finally:
        writer.cancel()
        with suppress(asyncio.CancelledError):
            await writer
        await usage.flush()


def _columns(row: UsageRow) -> dict[str, Any]:
    return {
        "api_provider": row.provider,
        "api_endpoint": row.endpoint[:255],
        "request_method": row.method,
        "request_params": dict(row.params),
        "response_status": row.status,
        "response_time_ms": round(row.seconds * 1000),
        "cost": str(row.cost),
        "entity_type": row.entity_type,
        "entity_id": str(row.entity_id) if row.entity_id else None,
        "success": row.success,
        "error_message": row.error[:500] if row.error else None,
        "reservation_id": str(row.reservation_id) if row.reservation_id else None,
        "created_at": row.at.isoformat(),
    }
