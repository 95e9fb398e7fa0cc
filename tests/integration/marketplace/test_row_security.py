"""The database itself keeps buyers apart: what a query forgets to ask, row level security asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.marketplace.repository.sales import SaleRepository
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows, no_rows, see_rows_of, whose_rows
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import Market, rows

GUARDED = {
    "sales", "payments", "sale_returns", "sale_outcomes", "guarantee_settlements", "lead_assignments", "lead_views",
    "notifications", "delivery_destinations", "lead_deliveries", "buyer_checks", "buyer_evidence", "buyer_cases",
    "receipts", "plan_subscriptions", "plan_periods", "plan_waits", "promo_redemptions", "seeds", "seed_sightings",
    "notice_mails", "push_subscriptions", "notice_pushes",
    "notice_texts", "text_numbers",
}  # fmt: skip


async def count(market: Market, table: str) -> int:
    """How many rows of a table this task sees through the marketplace's own role."""
    async with market.resources.unit_of_work() as uow:
        return int((await uow.session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_the_guarded_tables_are_forced_and_no_other_has_a_policy(committed_db: SessionMaker) -> None:
    query = "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relrowsecurity"

    assert {tuple(row) for row in await rows(committed_db, query)} == {(name, True, True) for name in GUARDED}
    policies = "SELECT tablename, cmd FROM pg_policies"
    assert {tuple(row) for row in await rows(committed_db, policies)} == {(name, "ALL") for name in GUARDED}


@pytest.mark.fault(25)
async def test_a_query_without_its_check_sees_the_callers_rows_and_no_others(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = UUID((await market.buy()).json()["sale_id"])
    async with committed_db.begin() as session:
        stranger, _ = await make_buyer(session)

    async def unchecked() -> Any:
        async with market.resources.unit_of_work() as uow:
            return await SaleRepository(uow.session).visible(sale_id, None)

    with no_rows():
        assert await unchecked() is None
        see_rows_of(stranger)
        assert await unchecked() is None
        assert [await count(market, t) for t in ("sales", "payments", "lead_assignments")] == [0, 0, 0]
        assert await count(market, "buyer_checks") == 5
        see_rows_of(market.contractor_id)
        assert (await unchecked()).id == sale_id
        assert [await count(market, t) for t in ("sales", "payments", "lead_assignments")] == [1, 1, 1]
        with all_rows():
            assert await count(market, "buyer_checks") > 5


@pytest.mark.fault(25)
async def test_nobody_writes_a_row_of_another_buyer(market: Market, committed_db: SessionMaker) -> None:
    await market.buy()
    async with committed_db.begin() as session:
        stranger, _ = await make_buyer(session)
    steal = "UPDATE sales SET contractor_id = :mine"
    forge = """
        INSERT INTO lead_views (base_lead_id, contractor_id)
        SELECT id, :theirs FROM base_leads LIMIT 1
    """

    with no_rows():
        see_rows_of(stranger)
        async with market.resources.unit_of_work() as uow:
            stolen = await uow.session.execute(text(steal), {"mine": stranger})
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with market.resources.unit_of_work() as uow:
                await uow.session.execute(text(forge), {"theirs": market.contractor_id})

    assert stolen.rowcount == 0  # type: ignore[attr-defined]
    assert await rows(committed_db, "SELECT 1 FROM lead_views") == []


async def test_a_word_ends_with_its_transaction(market: Market) -> None:
    await market.buy()
    with no_rows():
        see_rows_of(market.contractor_id)
        assert await count(market, "sales") == 1
    with no_rows():
        seen = [await count(market, "sales") for _ in range(15)]

    assert set(seen) == {0}


async def test_what_one_request_may_see_is_gone_with_it(market: Market) -> None:
    with no_rows():
        async with market.client() as client:
            assert (await client.get("/api/leads")).status_code == 200
        assert not whose_rows()
