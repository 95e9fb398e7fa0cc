"""The sheet on paper from the server's side: for the buyer alone, as long as the page would show it, and audited."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_buyer
from tests.factories.paper import pages_of, words_on
from tests.integration.marketplace.conftest import Market, rows

FROZEN = """
    INSERT INTO buyer_cases (contractor_id, sale_id, dispute_ref, charge_ref, amount_cents, reason, processor_status)
    SELECT contractor_id, id, 'dp_1', 'ch_1', 17500, 'fraudulent', 'needs_response' FROM sales
"""


async def bought(market: Market) -> UUID:
    """The sale of the market's lead."""
    return UUID((await market.buy()).json()["sale_id"])


async def sheet(market: Market, sale_id: UUID) -> httpx.Response:
    """The answer to the wish for a sheet."""
    async with market.client() as client:
        return await client.get(f"/api/leads/my-leads/{sale_id}/sheet.pdf")


async def run(db: SessionMaker, statement: str) -> None:
    async with db.begin() as session:
        await session.execute(text(statement))


async def test_a_buyer_gets_one_page_with_the_owner_and_leaves_an_audit_row(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await bought(market)
    answer = await sheet(market, sale_id)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    assert pages_of(answer.content) == 1
    assert "ADA LOVELACE (Harrow, TX, parcel records" in words_on(answer.content)
    (row,) = await rows(committed_db, "SELECT fields, reason FROM audit_log WHERE action = 'lead.reveal'")
    assert (row.fields, row.reason) == (["owner_name"], f"sale {sale_id}")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE sales SET status = 'refunded', refunded_at = now()", 404),
        ("UPDATE contractors SET credential_status = 'lapsed'", 403),
        (FROZEN, 403),
    ],
)
async def test_whoever_may_not_see_the_page_gets_no_paper(
    market: Market, committed_db: SessionMaker, change: str, status: int
) -> None:
    sale_id = await bought(market)
    await run(committed_db, change)
    answer = await sheet(market, sale_id)

    assert answer.status_code == status
    assert b"LOVELACE" not in answer.content
    assert await rows(committed_db, "SELECT 1 FROM audit_log WHERE action = 'lead.reveal'") == []


async def test_another_company_and_an_unknown_sale_get_no_paper(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await bought(market)
    async with committed_db.begin() as session:
        market.contractor_id, market.user_id = await make_buyer(session)

    assert [(await sheet(market, each)).status_code for each in (sale_id, uuid4())] == [404, 404]
