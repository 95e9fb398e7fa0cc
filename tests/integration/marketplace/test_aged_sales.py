"""Aged leads over HTTP: whole purchases, each item once, files for their buyer alone."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.jobs import STEPS
from services.marketplace.service import aged_stock
from services.marketplace.settings import MarketplaceSettings
from shared.compliance.loader import address_value
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.aged import aged_file, aged_line
from tests.factories.leads import make_buyer, make_user
from tests.factories.services import RunningService, running, settings_with_keys
from tests.integration.marketplace.conftest import rows, violations

SIX = "MONTH_6_TO_8"
FRESH_LIST = """
    INSERT INTO compliance.dnc_import (list_name, registry_version_at, row_count, file_sha256)
    VALUES ('national', now(), 1, 'x')
"""


@dataclass
class Stall:
    """The marketplace with aged leads, a client, and a folder for files."""

    door: RunningService
    db: SessionMaker
    folder: Path
    client_id: UUID
    user_id: UUID

    def http(self, *, client_id: UUID | None = None, user_id: UUID | None = None) -> httpx.AsyncClient:
        """The client's HTTP client, or another's."""
        token = self.door.user_token(
            Role.CONTRACTOR_OWNER,
            contractor_id=client_id or self.client_id,
            user_id=user_id or self.user_id,
        )
        return self.door.client(token=token, timeout=60)

    async def stock(self, *lines: dict[str, Any]) -> aged_stock.IngestReport:
        """Take a file in."""
        return await aged_stock.ingest(
            aged_file(self.folder, list(lines)),
            UnitOfWorkFactory(self.db),
            lambda _: None,
            keys=self.door.resources.keys,
        )

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """The answer to a question of the client."""
        async with self.http() as http:
            return await http.get(f"/api/v1{path}", params=query)

    async def buy(self, *criteria: dict[str, Any], key: str | None = None, **order: Any) -> httpx.Response:
        """The answer to an order of the client."""
        body = {"client_id": str(self.client_id), "criteria": list(criteria) or [wanted()], **order}
        async with self.http() as http:
            headers = {"Idempotency-Key": key} if key else {}
            return await http.post("/api/v1/purchases/by-criteria", json=body, headers=headers)

    async def file(self, **wanted: Any) -> httpx.Response:
        """The answer to a request for a file by POST."""
        async with self.http() as http:
            return await http.post(
                "/api/v1/purchases/download", json={"client_id": str(self.client_id), **wanted}
            )

    async def run(self, statement: str, **values: Any) -> None:
        """Change something behind the service's back."""
        async with self.db.begin() as session:
            await session.execute(text(statement), values)

    async def age(self, days: int, where: str = "true") -> None:
        """Let leads of the stock be older; their rows never change otherwise."""
        async with self.db.begin() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            move = f"UPDATE aged_leads SET originated_at = originated_at - make_interval(hours => 24 * :days) WHERE {where}"
            await session.execute(text(move), {"days": days})

    async def suppress(self, value_hash: str, reason: str = "opt_out") -> None:
        """Let somebody have asked not to be sold."""
        await self.run(
            """
            INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
            VALUES ('phone', :hash, 'sale', :reason, 'test')
            """,
            hash=value_hash,
            reason=reason,
        )


def wanted(quantity: int = 1, **changes: Any) -> dict[str, Any]:
    return {"classification": "Gold", "age_bucket": SIX, "quantity": quantity, "state": "LA"} | changes


def table(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.fixture
async def stall(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Stall]:
    settings = settings_with_keys(MarketplaceSettings, database_url=database_url, redis_url=redis_url)
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            client_id, user_id = await make_buyer(session)
            await session.execute(text(FRESH_LIST))
        yield Stall(door, committed_db, tmp_path, client_id, user_id)


async def test_the_shelf_is_listed_by_state_county_class_and_age(stall: Stall) -> None:
    await stall.stock(
        aged_line(1),
        aged_line(2, county="Bossier"),
        aged_line(3, days=100, classification="Silver"),
        aged_line(4, days=89),
        aged_line(5, state="NJ", zip="07030", county="Hudson"),
    )

    everything = (await stall.get("/inventory")).json()
    assert everything["total"] == 3
    assert sorted(one["unit_price"] for one in everything["items"]) == ["7.50", "8.00", "8.00"]
    bossier = (await stall.get("/inventory", county="bossier", state="LA", age_bucket=SIX)).json()
    (item,) = bossier["items"]
    assert {name: item[name] for name in item if not name.endswith("_id")} == {
        "age_bucket": SIX,
        "state": "LA",
        "county": "Bossier",
        "classification": "Gold",
        "unit_price": "8.00",
        "first_name": "John2",
        "city": "Shreveport",
    }
    limited = (await stall.get("/inventory", limit=1, classification="Gold")).json()
    assert [len(limited["items"]), limited["total"]] == [1, 2]
    assert (await stall.get("/inventory/locations")).json() == {
        "states": ["LA"],
        "counties_by_state": {"LA": ["Bossier", "Caddo"]},
    }


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"age_bucket": "OLD"}, {"classification": "x"}, {"state": "ZZ"}]
)
async def test_a_question_that_makes_no_sense_is_refused(stall: Stall, query: dict[str, Any]) -> None:
    assert (await stall.get("/inventory", **query)).status_code == 422


async def test_a_purchase_sells_keeps_price_and_bucket_and_is_downloaded(stall: Stall) -> None:
    await stall.stock(
        *(aged_line(number) for number in range(4)),
        aged_line(9, days=400, first_name="=HYPERLINK(1)", estimated_equity="-1200.5"),
    )

    bought = (await stall.buy(wanted(3), wanted(1, age_bucket="MONTH_12_TO_23"))).json()
    await stall.run("UPDATE aged_prices SET effective_until = now() WHERE effective_until IS NULL")

    assert {name: bought[name] for name in bought if name not in ("batch_id", "sale_ids")} == {
        "success": True,
        "total_paid": "29.00",
        "items_requested": 4,
        "items_purchased": 4,
        "items_replaced": 0,
        "errors": [],
        "message": "Purchase completed successfully.",
    }
    by_batch = await stall.file(batch_id=bought["batch_id"])
    by_url = await stall.get(
        "/purchases/download", sale_ids=",".join(bought["sale_ids"]), client_id=str(stall.client_id)
    )
    found = table(by_batch)
    assert by_batch.headers["content-type"].startswith("text/csv")
    assert table(by_url) == found
    assert [len(found), len(found[0])] == [4, 33]
    assert sorted((row["purchase_price"], row["age_bucket_at_purchase"]) for row in found) == [
        ("5.00", "MONTH_12_TO_23"),
        *[("8.00", SIX)] * 3,
    ]
    (odd,) = [row for row in found if row["purchase_price"] == "5.00"]
    assert (odd["first_name"], odd["phone"], odd["estimated_equity"]) == (
        "'=HYPERLINK(1)",
        "+13182000009",
        "-1200.5",
    )
    assert by_batch.headers["x-neutralised-values"] == "1"
    audited = await rows(stall.db, "SELECT * FROM audit_log WHERE action = 'aged.download'")
    assert [len(row.fields) for row in audited] == [33, 33]
    assert audited[0].details["neutralised"] == {"first_name": 1}
    assert sorted(audited[0].details["sale_ids"]) == sorted(bought["sale_ids"])


async def test_too_little_buys_nothing_and_says_what_there_is(stall: Stall) -> None:
    await stall.stock(
        *(aged_line(number) for number in range(2)),
        *(aged_line(number, state="MS", zip="39201", county="Hinds") for number in range(10, 13)),
        *(aged_line(number, days=300) for number in range(20, 24)),
    )

    answer = await stall.buy(wanted(5))

    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == {
        "error": "insufficient_inventory",
        "requested": 5,
        "available": 2,
        "criteria": "Gold MONTH_6_TO_8 state=LA qty=5",
        "item_index": None,
        "is_multi_item": False,
        "alternatives": [
            {
                "description": "Purchase 2 available leads ($16.00)",
                "available_count": 2,
                "suggestion_type": "partial",
                "unit_price": "8.00",
                "total_price": "16.00",
            },
            {
                "description": "Remove location filter (5 available without LA filter)",
                "available_count": 5,
                "suggestion_type": "no_location_filter",
                "unit_price": "8.00",
                "total_price": "40.00",
            },
            {
                "description": "Try MONTH_9_TO_11 age bucket (4 available in LA)",
                "available_count": 4,
                "suggestion_type": "different_age_bucket",
                "unit_price": "6.00",
                "total_price": "24.00",
            },
        ],
    }
    assert await rows(stall.db, "SELECT 1 FROM aged_inventory WHERE sold_at IS NOT NULL") == []
    assert (await stall.buy(wanted(5, state=None))).status_code == 200


async def test_a_later_criterion_that_falls_short_undoes_the_earlier_ones(stall: Stall) -> None:
    await stall.stock(*(aged_line(number) for number in range(5)))

    answer = await stall.buy(wanted(3), wanted(3))

    detail = answer.json()["detail"]
    assert (answer.status_code, detail["item_index"], detail["is_multi_item"]) == (409, 1, True)
    assert (detail["requested"], detail["available"]) == (3, 2)
    assert await rows(stall.db, "SELECT 1 FROM aged_purchases UNION ALL SELECT 1 FROM aged_sales") == []


@pytest.mark.fault(4)
async def test_fifty_buyers_of_packs_that_overlap_take_whole_packs_and_no_item_twice(stall: Stall) -> None:
    counties = ("Caddo", "Bossier", "Webster", "Bienville")
    await stall.stock(*(aged_line(number, county=counties[number % 4]) for number in range(40)))
    async with stall.db.begin() as session:
        buyers = [await make_buyer(session) for _ in range(50)]

    async def buy(turn: int, client_id: UUID, user_id: UUID) -> int:
        pair = (counties[turn % 4], 3), (counties[(turn // 4 + turn + 1) % 4], 2)
        body = {"client_id": str(client_id), "criteria": [wanted(most, county=name) for name, most in pair]}
        async with stall.http(client_id=client_id, user_id=user_id) as http:
            return (await http.post("/api/v1/purchases/by-criteria", json=body)).status_code

    codes = await asyncio.gather(*(buy(turn, *one) for turn, one in enumerate(buyers)))
    sold = await rows(stall.db, "SELECT aged_purchase_id, aged_inventory_id FROM aged_sales")
    assert len({row.aged_inventory_id for row in sold}) == len(sold) == 5 * codes.count(200)
    assert set(Counter(row.aged_purchase_id for row in sold).values()) == {5}
    assert (set(codes), await violations(stall.db)) == ({200, 409}, {})


async def test_orders_that_want_the_same_in_another_order_do_not_block_each_other(stall: Stall) -> None:
    await stall.stock(*(aged_line(number, days=200 if number < 10 else 300) for number in range(20)))
    young, old = wanted(6), wanted(6, age_bucket="MONTH_9_TO_11")
    answers = await asyncio.gather(*(stall.buy(*pair) for pair in [(young, old), (old, young)] * 3))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5


async def test_an_item_held_by_an_order_that_fails_is_waited_for(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    async with stall.db() as session:
        await session.execute(text("SELECT 1 FROM aged_inventory FOR UPDATE"))
        buying = asyncio.create_task(stall.buy())
        await asyncio.sleep(1)
        assert not buying.done()
        await session.rollback()

    assert (await buying).status_code == 200


async def test_outgrown_items_are_replaced_counted_and_withdrawn(stall: Stall) -> None:
    await stall.stock(*(aged_line(number) for number in range(3)))
    await stall.age(100)
    await stall.stock(*(aged_line(number) for number in range(10, 13)))

    bought = (await stall.buy(wanted(2))).json()

    assert (bought["items_purchased"], bought["items_replaced"], bought["total_paid"]) == (2, 2, "16.00")
    withdrawn = await rows(stall.db, "SELECT 1 FROM aged_inventory WHERE withdrawn_at IS NOT NULL")
    assert len(withdrawn) == 2
    assert (await stall.buy(wanted(1))).json()["items_replaced"] == 1


async def test_a_lead_is_sold_again_in_its_next_bucket(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    assert (await stall.buy()).status_code == 200
    assert (await stall.buy()).status_code == 409
    await stall.age(90)
    moved = await aged_stock.assign(UnitOfWorkFactory(stall.db))

    assert moved == {"withdrawn": 0, "on_sale": 1}
    assert (await stall.buy(wanted(1, age_bucket="MONTH_9_TO_11"))).json()["total_paid"] == "6.00"
    assert await aged_stock.assign(UnitOfWorkFactory(stall.db)) == {"withdrawn": 0, "on_sale": 0}


async def test_the_hourly_job_moves_leads_and_withdraws_what_they_outgrew(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    await stall.age(90)
    async with stall.db.begin() as session:
        run = await start(session, "assign_aged", subject_id=uuid4())
    runner = StepRunner(stall.door.resources, STEPS, worker="test-worker", lease_seconds=30)

    assert await runner.run(run.workflow_id, "assign_aged")

    found = await rows(
        stall.db, "SELECT age_bucket, withdrawn_at IS NULL AS listed FROM aged_inventory ORDER BY 1"
    )
    assert [tuple(row) for row in found] == [("MONTH_6_TO_8", False), ("MONTH_9_TO_11", True)]


def _phone(stall: Stall) -> str:
    return stall.door.resources.keys.blind_index("+13182000001", "phone")


def _email(stall: Stall) -> str:
    return stall.door.resources.keys.blind_index("john1@doe.example", "email")


def _house(stall: Stall) -> str:
    return stall.door.resources.keys.blind_index(address_value("LA", "101||LINE|AVE|||71101"), "address")


@pytest.mark.parametrize("known_by", [_phone, _email, _house])
async def test_a_person_who_opted_out_is_never_sold_and_not_shown_any_more(
    stall: Stall, known_by: Callable[[Stall], str]
) -> None:
    await stall.stock(aged_line(1), aged_line(2))
    bought = (await stall.buy(wanted(2))).json()
    await stall.age(90)
    await aged_stock.assign(UnitOfWorkFactory(stall.db))
    await stall.suppress(known_by(stall))

    short = await stall.buy(wanted(2, age_bucket="MONTH_9_TO_11"))
    file = await stall.file(batch_id=bought["batch_id"])

    assert (await stall.get("/inventory")).json()["total"] == 1
    assert short.json()["detail"]["available"] == 1
    assert [row["first_name"] for row in table(file)] == ["John2"]
    assert file.headers["x-withheld-leads"] == "1"


async def test_a_state_that_is_switched_off_and_the_sale_switch_sell_nothing(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    await stall.run(
        """
        INSERT INTO compliance.state_policy (state, version, effective_from, sale_enabled)
        VALUES ('LA', 99, current_date, false)
        """
    )
    assert (await stall.get("/inventory")).json()["total"] == 0
    assert (await stall.buy()).status_code == 409

    await stall.run(
        "INSERT INTO compliance.state_policy (state, version, effective_from) VALUES ('LA', 100, current_date)"
    )
    assert (await stall.get("/inventory")).json()["total"] == 1
    await stall.run("INSERT INTO core.feature_flag (key, enabled) VALUES ('kill.sale', true)")
    assert (await stall.buy()).status_code == 409


async def test_an_erased_person_is_gone_from_the_shelf(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    await stall.run("UPDATE compliance.subject_key SET wrapped_key = NULL, shredded_at = now()")
    assert (await stall.get("/inventory")).json() == {"items": [], "total": 0}


async def test_a_listed_phone_is_left_out_of_the_file(stall: Stall) -> None:
    await stall.stock(aged_line(1), aged_line(2))
    bought = (await stall.buy(wanted(2))).json()
    await stall.suppress(_phone(stall), "national_dnc")

    found = {row["first_name"]: row["phone"] for row in table(await stall.file(batch_id=bought["batch_id"]))}

    assert found == {"John1": "", "John2": "+13182000002"}


async def test_a_client_that_may_not_receive_people_buys_nothing(stall: Stall) -> None:
    await stall.stock(aged_line(1))
    await stall.run("DELETE FROM buyer_checks WHERE contractor_id = :id", id=stall.client_id)

    answer = await stall.buy()

    assert (answer.status_code, answer.json()["code"]) == (403, "sale-refused")
    assert await rows(stall.db, "SELECT 1 FROM aged_sales") == []


async def test_a_client_acts_for_itself_only_and_an_operator_for_anyone(stall: Stall) -> None:
    await stall.stock(aged_line(1), aged_line(2))
    async with stall.db.begin() as session:
        other, person = await make_buyer(session)
        operator = await make_user(session, role=UserRole.OPS)
    token = stall.door.user_token(Role.OPS, user_id=operator)
    order = {"client_id": str(stall.client_id), "criteria": [wanted()]}

    foreign = await stall.buy(client_id=str(other))
    async with stall.door.client(token=token, timeout=60) as desk:
        helped = await desk.post("/api/v1/purchases/by-criteria", json=order)
        nobody = await desk.post("/api/v1/purchases/by-criteria", json=order | {"client_id": str(uuid4())})
    batch = {"batch_id": helped.json()["batch_id"]}
    async with stall.http(client_id=other, user_id=person) as http:
        stolen = [
            await http.post("/api/v1/purchases/download", json={"client_id": str(client), **batch})
            for client in (other, stall.client_id)
        ]

    assert [foreign.status_code, helped.status_code, nobody.status_code] == [403, 200, 404]
    assert [answer.status_code for answer in stolen] == [403, 403]
    assert (await stall.file(**batch)).status_code == 200


async def test_what_names_no_sale_is_refused_with_its_reason(stall: Stall) -> None:
    client = str(stall.client_id)
    many = ",".join(str(uuid4()) for _ in range(101))
    answers = {
        "too many": await stall.get("/purchases/download", sale_ids=many, client_id=client),
        "no id": await stall.get("/purchases/download", sale_ids="abc", client_id=client),
        "unknown": await stall.get("/purchases/download", sale_ids=str(uuid4()), client_id=client),
        "neither": await stall.file(),
        "both": await stall.file(batch_id=str(uuid4()), sale_ids=[str(uuid4())]),
        "no batch": await stall.file(batch_id=str(uuid4())),
        "no quantity": await stall.buy(wanted(0)),
    }
    assert [answer.status_code for answer in answers.values()] == [422, 422, 404, 422, 422, 404, 422]
    assert "'abc'" in answers["no id"].json()["detail"]


async def test_the_same_order_with_the_same_key_is_one_purchase(stall: Stall) -> None:
    await stall.stock(*(aged_line(number) for number in range(3)))

    first, again = await asyncio.gather(stall.buy(key="order-0001"), stall.buy(key="order-0001"))
    other = await stall.buy(wanted(2), key="order-0001")

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await rows(stall.db, "SELECT 1 FROM aged_sales")) == 1


async def test_a_quote_holds_for_fifteen_minutes(stall: Stall) -> None:
    await stall.stock(aged_line(1), aged_line(2, days=300))
    items = [one["inventory_id"] for one in (await stall.get("/inventory")).json()["items"]]

    async with stall.http() as http:
        quote = (await http.post("/api/v1/quotes", json={"inventory_item_ids": items})).json()
        unknown = await http.post("/api/v1/quotes", json={"inventory_item_ids": [*items, str(uuid4())]})
        kept = await http.get(f"/api/v1/quotes/{quote['quote_id']}")
        await stall.run(
            """
            UPDATE aged_quotes SET created_at = created_at - interval '15 minutes',
                                   expires_at = expires_at - interval '15 minutes'
            """
        )
        late = await http.get(f"/api/v1/quotes/{quote['quote_id']}")

    assert quote["total_price"] == "14.00"
    assert sorted(one["unit_price"] for one in quote["items"]) == ["6.00", "8.00"]
    assert kept.json() == quote
    assert (late.status_code, late.json()["code"]) == (409, "quote-expired")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "not-on-sale")
