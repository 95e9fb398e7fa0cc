"""What a buyer owns, many at once: a file by as many statements as for one lead, a list by pages, a wrong address."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from tests.factories.leads import make_lead
from tests.integration.marketplace.conftest import PAGE, Browser, Market, rows

SOLD = """
    WITH sold AS (
        INSERT INTO sales (base_lead_id, contractor_id, user_id, price, status, charged_cents, charged_at, sold_at,
                           reserved_at, reserved_until)
        VALUES (:lead, :contractor, :user, 175, 'sold', 17500, CAST(:at AS timestamptz), CAST(:at AS timestamptz), now(),
                now())
        RETURNING id, base_lead_id
    )
    UPDATE base_leads l SET status = 'sold', sale_id = sold.id FROM sold WHERE l.id = sold.base_lead_id RETURNING sold.id
"""


async def own(market: Market, db: SessionMaker, count: int) -> list[UUID]:
    """Sales of so many leads at one moment, so that only the key of a row tells their order."""
    sales: list[UUID] = []
    async with db.begin() as session:
        for number in range(count):
            lead = await make_lead(session, market.resources.keys, address=f"{number} ELM ST")
            values = {"lead": lead, "contractor": market.contractor_id, "user": market.user_id}
            made = await session.execute(text(SOLD), {**values, "at": "2026-11-01 12:00:00+00"})
            sales.append(made.scalar_one())
    return sales


@contextmanager
def counting() -> Iterator[list[str]]:
    """Every statement that the driver is given meanwhile; one for many rows counts once."""
    seen: list[str] = []
    execute, many = psycopg.AsyncCursor.execute, psycopg.AsyncCursor.executemany

    async def note(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(str(query))
        return await execute(cursor, query, *arguments, **options)

    async def note_many(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(str(query))
        return await many(cursor, query, *arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.AsyncCursor, "execute", note)
        patched.setattr(psycopg.AsyncCursor, "executemany", note_many)
        yield seen


async def exported(market: Market) -> tuple[list[dict[str, str]], str, int]:
    """The file's rows, how many leads it withholds, and how many statements it took."""
    async with market.client() as client:
        with counting() as seen:
            answer = await client.get("/api/deliveries/leads.csv")
    found = list(csv.DictReader(io.StringIO(answer.raise_for_status().text)))
    return found, answer.headers["x-withheld-leads"], len(seen)


async def test_a_file_of_many_leads_takes_no_more_statements_than_one_of_one(
    market: Market, committed_db: SessionMaker
) -> None:
    await exported(market)  # a new connection asks some things of its own
    await own(market, committed_db, 1)
    _, _, for_one = await exported(market)
    sales = await own(market, committed_db, 20)
    found, withheld, for_many = await exported(market)

    assert (len(found), withheld) == (21, "0")
    assert for_many == for_one
    trail = await rows(
        committed_db, "SELECT object_id, fields, reason FROM audit_log WHERE action = 'lead.reveal'"
    )
    assert len(trail) == 22
    assert {row.reason for row in trail} >= {f"sale {sale}" for sale in sales}
    assert {tuple(row.fields) for row in trail} == {("owner_name",)}
    assert await rows(committed_db, "SELECT 1 FROM sales WHERE revealed_at IS NULL") == []
    decided = "SELECT count(DISTINCT base_lead_id) AS leads FROM compliance.contact_decision WHERE use = 'sell' AND allow"
    assert (await rows(committed_db, decided))[0].leads == 21


async def test_a_lead_that_may_not_be_shown_is_withheld_from_the_file_alone(
    market: Market, committed_db: SessionMaker
) -> None:
    hidden, erased, shown, returned = await own(market, committed_db, 4)
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE base_leads SET owner_phone_hash = 'h' WHERE sale_id = :hidden"), {"hidden": hidden}
        )
        await session.execute(
            text(
                "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
                " VALUES ('phone', 'h', 'sale', 'opt_out', 'test')"
            )
        )
        await session.execute(
            text(
                "UPDATE compliance.subject_key SET wrapped_key = NULL, shredded_at = now() WHERE subject_id ="
                " (SELECT subject_id FROM base_leads WHERE sale_id = :erased)"
            ),
            {"erased": erased},
        )
        await session.execute(
            text("UPDATE sales SET status = 'refunded', refunded_at = now() WHERE id = :id"), {"id": returned}
        )
    found, withheld, _ = await exported(market)

    assert ([row["sale_id"] for row in found], withheld) == ([str(shown)], "2")
    trail = await rows(committed_db, "SELECT reason FROM audit_log WHERE action = 'lead.reveal'")
    assert [row.reason for row in trail] == [f"sale {shown}"]


async def test_an_empty_file_is_a_head_alone(market: Market) -> None:
    found, withheld, _ = await exported(market)

    assert (found, withheld) == ([], "0")


async def test_my_leads_are_read_page_by_page_and_none_is_left_out(
    browser: Browser, market: Market, committed_db: SessionMaker
) -> None:
    sales = await own(market, committed_db, 7)
    seen: list[str] = []
    address, page = "/my/leads?limit=3", ""
    while address:
        page = (await browser.http.get(address)).text
        seen += re.findall(r'<th scope="row"><a href="/my/leads/([^"]+)"', page)
        address = "".join(re.findall(r'href="([^"]+)">Next page', page)).replace("&amp;", "&")

    assert "First page" in page
    assert seen == sorted(map(str, sales), reverse=True)


@pytest.mark.parametrize(
    "path",
    ["/my/leads/x", "/leads/x", "/my/leads/x/sheet", f"/my/leads/{UUID(int=7)}/images/x", "/leads/7/buy"],
)
async def test_a_bad_id_in_a_pages_address_is_a_page_that_is_not_there(browser: Browser, path: str) -> None:
    answer = await browser.http.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page." in answer.text
    assert answer.headers["x-correlation-id"] in answer.text


async def test_a_program_is_told_what_is_wrong_with_an_id(market: Market) -> None:
    async with market.client() as client:
        answer = await client.get("/api/leads/x")
        queried = await client.get("/my/leads?limit=0", headers=PAGE)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "path.lead_id")
    assert queried.status_code == 422
