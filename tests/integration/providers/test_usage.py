"""Cost rows reach api_usage_logs in batches and never in the caller's way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.providers.ports import UsageRow
from shared.providers.usage import PostgresUsageLog, open_usage_log

LEAD = uuid4()


def row(**changes: Any) -> UsageRow:
    facts: dict[str, Any] = {
        "provider": "hunter", "endpoint": "/v2/email-finder", "method": "GET", "params": {"full_name": "[redacted]"},
        "status": 200, "seconds": 0.25, "cost": Decimal("0.0245"), "success": True, "at": datetime.now(UTC),
        "entity_type": "base_lead", "entity_id": LEAD, **changes,
    }  # fmt: skip
    return UsageRow(**facts)


async def stored(committed_db: Any) -> list[Any]:
    async with committed_db() as session:
        return list((await session.execute(text("SELECT * FROM api_usage_logs ORDER BY created_at"))).all())


async def test_a_row_is_stored_as_it_was(committed_db: Any, unit_of_work: Any) -> None:
    usage = PostgresUsageLog(unit_of_work, service="enricher")
    reserved = uuid4()
    usage.record(row(reservation_id=reserved))
    usage.record(row(success=False, status=None, cost=Decimal(0), error="no answer in time", entity_id=None))
    assert await usage.flush() == 2
    good, bad = await stored(committed_db)
    assert (good.api_provider, good.api_endpoint, good.service) == ("hunter", "/v2/email-finder", "enricher")
    assert (good.response_status, good.response_time_ms, good.cost) == (200, 250, Decimal("0.024500"))
    assert (good.entity_type, good.entity_id, good.success) == ("base_lead", LEAD, True)
    assert good.request_params == {"full_name": "[redacted]"}
    assert good.response_body is None
    assert (good.reservation_id, bad.reservation_id) == (reserved, None)
    assert (bad.success, bad.error_message, bad.response_status) == (False, "no answer in time", None)


async def test_more_than_a_batch_is_written(committed_db: Any, unit_of_work: Any) -> None:
    usage = PostgresUsageLog(unit_of_work, service="enricher")
    for _ in range(450):
        usage.record(row())
    assert await usage.flush() == 450
    assert len(await stored(committed_db)) == 450


async def test_the_last_rows_are_written_at_the_end(committed_db: Any, unit_of_work: Any) -> None:
    async with open_usage_log(unit_of_work, service="enricher") as usage:
        usage.record(row())
    assert len(await stored(committed_db)) == 1


async def test_rows_are_written_soon_without_being_asked(committed_db: Any, unit_of_work: Any) -> None:
    async with open_usage_log(unit_of_work, service="enricher") as usage:
        for _ in range(200):
            usage.record(row())
        for _ in range(40):
            await asyncio.sleep(0.05)
            if await stored(committed_db):
                break
        assert len(await stored(committed_db)) == 200


async def test_rows_wait_while_the_database_is_away(committed_db: Any, unit_of_work: Any) -> None:
    away = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    usage = PostgresUsageLog(UnitOfWorkFactory(make_session_maker(away)), service="enricher")
    usage.record(row())
    assert await usage.flush() == 0
    usage._unit_of_work = unit_of_work
    assert await usage.flush() == 1
    await away.dispose()
    assert len(await stored(committed_db)) == 1
