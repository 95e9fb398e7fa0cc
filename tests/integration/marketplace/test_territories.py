"""One holder at a time: asked for, held, waited for, offered on, taken back, and what the others see meanwhile."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.marketplace.handlers import tell_of_storm
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.events.leads import SoldLeadStruck
from shared.security.policy import Role
from shared.workflow import start
from tests.factories.leads import city_id, make_buyer, make_lead, make_user
from tests.integration.marketplace.conftest import Market, rows

INSERT = """
    INSERT INTO territories (contractor_id, kind, city_id, zip, cluster_id, status, period)
    VALUES (:contractor, :kind, :city, :zip, :cluster, 'held', tstzrange(now() + :since * interval '1 hour',
            now() + CAST(:till AS int) * interval '1 hour'))
"""


async def change(db: SessionMaker, statement: str, **values: Any) -> None:
    """Carry out a statement."""
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def a_buyer(market: Market, db: SessionMaker, tier: str = "professional") -> httpx.AsyncClient:
    """The client of another company in Harrow."""
    async with db.begin() as session:
        contractor, user = await make_buyer(session, subscription_tier=tier)
    return client_of(market, contractor, user)


def client_of(market: Market, contractor: UUID, user: UUID) -> httpx.AsyncClient:
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor, user_id=user)
    return market.door.client(token=token, timeout=30)


async def harrow(db: SessionMaker) -> str:
    """The town's id."""
    async with db() as session:
        return str(await city_id(session))


async def zip_place(db: SessionMaker, number: str = "76998") -> dict[str, str]:
    """A ZIP of Harrow."""
    return {"kind": "zip", "city_id": await harrow(db), "zip": number}


async def buy(client: httpx.AsyncClient, lead: UUID) -> httpx.Response:
    """The answer to a purchase."""
    return await client.post(
        f"/api/leads/{lead}/purchase",
        json={"payment_method": "pm_card_visa"},
        headers={"Idempotency-Key": uuid4().hex},
    )


async def watch(market: Market, db: SessionMaker) -> dict[str, int]:
    """What the hourly job did."""
    async with db.begin() as session:
        run = await start(session, "watch_territories", subject_id=uuid4())
    assert await market.runner().run(run.workflow_id, "watch_territories")
    found = await rows(
        db, "SELECT output FROM core.step WHERE workflow_id = :id AND status = 'done'", id=run.workflow_id
    )
    output: dict[str, int] = found[0].output
    return output


async def test_a_held_zip_is_seen_and_bought_by_its_holder_alone(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        elsewhere = await make_lead(session, market.resources.keys, zip="76111-1234")
    holder = await a_buyer(market, committed_db)
    held = await holder.post("/api/territories", json=await zip_place(committed_db))

    other, own = market.client(), [lead["id"] for lead in (await holder.get("/api/leads")).json()]
    seen = [lead["id"] for lead in (await other.get("/api/leads")).json()]
    marks = (await other.get("/api/leads/map")).json()["leads"]
    preview = await other.get(f"/api/leads/{market.lead_id}")
    refused, bought = await market.buy(), await buy(holder, market.lead_id)

    assert (held.status_code, held.json()["status"], held.json()["leads"]) == (201, "held", 1)
    assert set(own) == {str(market.lead_id), str(elsewhere)}
    assert (seen, marks, preview.status_code) == ([str(elsewhere)], 0, 404)
    assert (refused.status_code, refused.json()["code"]) == (409, "lead-in-territory")
    assert (bought.status_code, bought.json()["status"]) == (202, "sold")


async def test_the_reservation_asks_the_territories_and_not_the_copy(
    market: Market, committed_db: SessionMaker
) -> None:
    holder = await a_buyer(market, committed_db)
    await holder.post("/api/territories", json=await zip_place(committed_db))
    await change(committed_db, "UPDATE base_leads SET exclusive_contractor_id = NULL")

    assert (await market.buy()).json()["code"] == "lead-in-territory"


async def test_a_lead_that_comes_later_belongs_to_the_holder(
    market: Market, committed_db: SessionMaker
) -> None:
    holder = await a_buyer(market, committed_db)
    await holder.post("/api/territories", json=await zip_place(committed_db))
    async with committed_db.begin() as session:
        later = await make_lead(session, market.resources.keys)
        moved = await make_lead(session, market.resources.keys, zip="76111")
    await change(committed_db, "UPDATE base_leads SET zip = '76998' WHERE id = :id", id=moved)

    assert (await market.client().get("/api/leads")).json() == []
    assert {lead["id"] for lead in (await holder.get("/api/leads")).json()} == {
        str(each) for each in (later, moved, market.lead_id)
    }


async def test_of_ten_at_once_one_holds_and_nine_wait_in_order(
    market: Market, committed_db: SessionMaker
) -> None:
    place = await zip_place(committed_db)
    buyers = [await a_buyer(market, committed_db) for _ in range(10)]

    answers = [
        answer.json()
        for answer in await asyncio.gather(*(buyer.post("/api/territories", json=place) for buyer in buyers))
    ]

    assert sorted(answer["status"] for answer in answers) == ["held"] + ["waiting"] * 9
    assert sorted(each["ahead"] for each in answers if each["status"] == "waiting") == list(range(9))


@pytest.mark.parametrize(
    ("first", "second", "meets"),
    [
        (("city", None, False), ("city", None, False), True),
        (("city", None, False), ("zip", "76998", False), True),
        (("city", None, False), ("cluster", None, True), True),
        (("zip", "76998", False), ("zip", "76998", False), True),
        (("zip", "76998", False), ("zip", "76999", False), False),
        (("zip", "76998", False), ("cluster", None, True), True),
        (("cluster", None, True), ("cluster", None, True), False),
    ],
)
async def test_the_database_itself_lets_no_two_territories_meet(
    market: Market, committed_db: SessionMaker, first: Any, second: Any, meets: bool
) -> None:
    town = await harrow(committed_db)

    async def insert(place: Any, *, since: int, till: int | None, city: str = town) -> None:
        kind, number, in_cluster = place
        cluster = None
        if in_cluster:
            found = "INSERT INTO lead_clusters (city_id) VALUES (CAST(:city AS uuid)) RETURNING id"
            async with committed_db.begin() as session:
                cluster = (await session.execute(text(found), {"city": city})).scalar_one()
        values = {"contractor": market.contractor_id, "kind": kind, "city": city, "zip": number}
        await change(committed_db, INSERT, **values, cluster=cluster, since=since, till=till)

    await insert(first, since=0, till=None)
    ended = """
        UPDATE territories SET status = 'ended', ended_at = now(), end_reason = 'released',
               period = tstzrange(lower(period), now() + interval '2 hours')
    """
    if meets:
        with pytest.raises(IntegrityError, match=r"ex_territories_one_holder|uq_territories_own_place"):
            await insert(second, since=1, till=None)
        await change(committed_db, ended)
        with pytest.raises(IntegrityError, match="ex_territories_one_holder"):
            await insert(second, since=1, till=None)
        await insert(second, since=2, till=None)
    else:
        await insert(second, since=1, till=None)
    async with committed_db() as session:
        elsewhere = str(await city_id(session, "Ellery"))
    await insert(second, since=0, till=None, city=elsewhere)


async def test_a_city_waits_for_its_zips_and_is_offered_when_the_last_is_given_up(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await make_lead(session, market.resources.keys, zip="76111")
    large, small = await a_buyer(market, committed_db, "enterprise"), await a_buyer(market, committed_db)
    zips = [
        (await small.post("/api/territories", json=await zip_place(committed_db, number))).json()
        for number in ("76998", "76111")
    ]
    city = {"kind": "city", "city_id": await harrow(committed_db)}
    waits = (await large.post("/api/territories", json=city)).json()

    steps = [waits["status"]]
    for each in zips:
        assert (await small.delete(f"/api/territories/{each['id']}")).json()["end_reason"] == "released"
        steps.append((await large.get("/api/territories")).json()["territories"][0]["status"])
    taken = await large.post(f"/api/territories/{waits['id']}/acceptance")
    again = await large.post(f"/api/territories/{waits['id']}/acceptance")

    assert steps == ["waiting", "waiting", "offered"]
    assert (taken.json()["status"], taken.json()["leads"]) == ("held", 2)
    assert (again.status_code, again.json()["code"]) == (409, "offer-is-over")
    assert (await market.client().get("/api/leads")).json() == []
    told = await rows(committed_db, "SELECT kind FROM notifications")
    assert [row.kind for row in told] == ["territory_offered"]
    trail = await rows(committed_db, "SELECT action FROM audit_log WHERE object_type = 'territory'")
    assert {row.action for row in trail} == {
        "territory.hold",
        "territory.wait",
        "territory.end",
        "territory.offer",
        "territory.accept",
    }


async def test_who_has_left_the_tier_since_it_asked_cannot_accept(
    market: Market, committed_db: SessionMaker
) -> None:
    place = await zip_place(committed_db)
    holder, waits = [await a_buyer(market, committed_db) for _ in range(2)]
    held = (await holder.post("/api/territories", json=place)).json()
    wish = (await waits.post("/api/territories", json=place)).json()
    await holder.delete(f"/api/territories/{held['id']}")
    await change(committed_db, "UPDATE contractors SET subscription_tier = NULL")

    refused = await waits.post(f"/api/territories/{wish['id']}/acceptance")

    assert (refused.status_code, refused.json()["code"]) == (403, "tier-too-small")
    assert (await waits.get("/api/territories")).json()["territories"][0]["status"] == "offered"


async def test_what_is_offered_is_kept_from_others_until_its_time_runs_out(
    market: Market, committed_db: SessionMaker
) -> None:
    place = await zip_place(committed_db)
    holder, first, second = [await a_buyer(market, committed_db) for _ in range(3)]
    held = (await holder.post("/api/territories", json=place)).json()
    offered = (await first.post("/api/territories", json=place)).json()
    await holder.delete(f"/api/territories/{held['id']}")
    waits = (await second.post("/api/territories", json=place)).json()
    await change(
        committed_db,
        "UPDATE territories SET offered_until = now() - interval '1 second' WHERE status = 'offered'",
    )

    late = await first.post(f"/api/territories/{offered['id']}/acceptance")
    done = await watch(market, committed_db)

    assert (waits["status"], waits["ahead"]) == ("waiting", 1)
    assert late.json()["code"] == "offer-is-over"
    assert done == {"ended": 1, "warned": 0, "offered": 0}
    states = {
        row.id: (row.status, row.end_reason) for row in await rows(committed_db, "SELECT * FROM territories")
    }
    assert states[UUID(offered["id"])] == ("ended", "offer_ran_out")
    assert states[UUID(waits["id"])] == ("offered", None)


async def test_an_idle_holder_is_warned_then_relieved_and_the_next_is_asked(
    market: Market, committed_db: SessionMaker
) -> None:
    place = await zip_place(committed_db)
    idle, keen = await a_buyer(market, committed_db), await a_buyer(market, committed_db)
    await idle.post("/api/territories", json=place)
    await keen.post("/api/territories", json=place)
    days_pass = """
        WITH t AS (UPDATE territories SET period = tstzrange(lower(period) - interval '23 days', NULL),
                          warned_at = warned_at - interval '23 days' WHERE status = 'held')
        UPDATE refresh_tokens SET issued_at = issued_at - interval '23 days'
    """
    counted = [await watch(market, committed_db)]
    await change(committed_db, days_pass)
    counted += [await watch(market, committed_db), await watch(market, committed_db)]
    await change(committed_db, days_pass)
    counted.append(await watch(market, committed_db))

    assert [tuple(each.values()) for each in counted] == [(0, 0, 0), (0, 1, 0), (0, 0, 0), (1, 0, 0)]
    lost = await rows(committed_db, "SELECT end_reason FROM territories WHERE status = 'ended'")
    assert [row.end_reason for row in lost] == ["inactive"]
    board = (await keen.get("/api/territories")).json()["territories"]
    assert [each["status"] for each in board] == ["offered"]
    told = await rows(committed_db, "SELECT kind FROM notifications ORDER BY created_at, kind")
    assert {row.kind for row in told} == {"territory_idle", "territory_offered", "territory_lost"}
    holders = await rows(committed_db, "SELECT exclusive_contractor_id FROM base_leads")
    assert [row.exclusive_contractor_id for row in holders] == [None]


async def test_a_smaller_tier_keeps_only_what_it_allows(market: Market, committed_db: SessionMaker) -> None:
    large, keen = await a_buyer(market, committed_db, "enterprise"), await a_buyer(market, committed_db)
    city = {"kind": "city", "city_id": await harrow(committed_db)}
    await large.post("/api/territories", json=city)
    await keen.post("/api/territories", json=await zip_place(committed_db))
    counted = [await watch(market, committed_db)]
    await change(committed_db, "UPDATE contractors SET subscription_tier = 'professional'")
    counted += [await watch(market, committed_db), await watch(market, committed_db)]

    assert [each["ended"] for each in counted] == [0, 1, 0]
    found = await rows(committed_db, "SELECT kind, status, end_reason FROM territories ORDER BY created_at")
    assert [tuple(row) for row in found] == [("city", "ended", "tier_too_small"), ("zip", "offered", None)]


async def test_a_log_in_takes_the_warning_back(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        contractor, user = await make_buyer(session, subscription_tier="professional")
    await client_of(market, contractor, user).post("/api/territories", json=await zip_place(committed_db))
    await change(
        committed_db,
        """
        WITH t AS (UPDATE territories SET period = tstzrange(now() - interval '40 days', NULL),
                          warned_at = now() - interval '10 days')
        UPDATE refresh_tokens SET issued_at = now() - interval '40 days'
        """,
    )
    async with committed_db.begin() as session:
        await make_user(session, contractor_id=contractor, role="contractor_member")

    assert (await watch(market, committed_db))["ended"] == 0
    found = await rows(committed_db, "SELECT status, warned_at FROM territories")
    assert [tuple(row) for row in found] == [("held", None)]


@pytest.mark.parametrize(
    ("tier", "place", "status", "code"),
    [
        ("starter", {"kind": "zip", "zip": "76998"}, 403, "tier-too-small"),
        ("professional", {"kind": "city"}, 403, "tier-too-small"),
        ("professional", {"kind": "zip", "zip": "99999"}, 422, "invalid-input"),
        ("professional", {"kind": "zip"}, 422, "invalid-input"),
        ("enterprise", {"kind": "city", "city_id": str(uuid4())}, 422, "invalid-input"),
    ],
)
async def test_a_wish_that_may_not_be_says_why(  # noqa: PLR0917 - a table of cases
    market: Market, committed_db: SessionMaker, tier: str, place: dict[str, str], status: int, code: str
) -> None:
    buyer = await a_buyer(market, committed_db, tier)

    answer = await buyer.post("/api/territories", json={"city_id": await harrow(committed_db), **place})

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await rows(committed_db, "SELECT 1 FROM territories") == []


async def test_only_a_buyer_in_order_that_serves_the_place_gets_it_once(
    market: Market, committed_db: SessionMaker
) -> None:
    place = await zip_place(committed_db)
    buyer = await a_buyer(market, committed_db)
    away = {"service_areas": [{"city": "Sable", "state": "AZ", "radius_miles": 5}]}
    async with committed_db.begin() as session:
        far = client_of(market, *await make_buyer(session, subscription_tier="professional", **away))
        lapsed = {"credential_status": "lapsed", "subscription_tier": "professional"}
        unfit = client_of(market, *await make_buyer(session, **lapsed))

    answers = [await each.post("/api/territories", json=place) for each in (far, unfit, buyer, buyer)]

    assert [answer.status_code for answer in answers] == [422, 403, 201, 409]
    assert answers[1].json()["code"] == "checks-not-in-order"
    assert answers[1].json()["missing"]
    assert answers[3].json()["code"] == "territory-is-yours"


async def test_an_operator_sees_all_and_takes_back_with_a_reason_once(
    market: Market, committed_db: SessionMaker
) -> None:
    buyer, other = await a_buyer(market, committed_db), await a_buyer(market, committed_db)
    held = (await buyer.post("/api/territories", json=await zip_place(committed_db))).json()
    async with committed_db.begin() as session:
        staff = await make_user(session, role="ops")
    desk = market.door.client(token=market.door.user_token(Role.OPS, user_id=staff), timeout=30)
    path = f"/api/ops/territories/{held['id']}/end"

    foreign = await other.delete(f"/api/territories/{held['id']}")
    not_staff = await buyer.post(path, json={"note": "x"})
    listed = (await desk.get("/api/ops/territories?status=held")).json()["items"]
    taken, twice = [await desk.post(path, json={"note": "complaints"}) for _ in range(2)]

    assert (foreign.status_code, not_staff.status_code) == (404, 403)
    assert [each["id"] for each in listed] == [held["id"]]
    assert (taken.json()["status"], taken.json()["end_reason"]) == ("ended", "taken_back")
    assert (twice.status_code, twice.json()["code"]) == (409, "territory-ended")
    told = await rows(committed_db, "SELECT reason FROM notifications WHERE kind = 'territory_taken_back'")
    assert "complaints" in told[0].reason


async def test_the_board_shows_what_is_free_and_a_held_cluster_bears_its_holder(
    market: Market, committed_db: SessionMaker
) -> None:
    town = await harrow(committed_db)
    cluster = uuid4()
    await change(
        committed_db,
        "INSERT INTO lead_clusters (id, cluster_name, city_id) VALUES (:id, 'Harrow 7', CAST(:city AS uuid))",
        id=cluster,
        city=town,
    )
    await change(committed_db, "UPDATE base_leads SET cluster_id = :id", id=cluster)
    buyer, other = await a_buyer(market, committed_db), await a_buyer(market, committed_db)
    before = (await buyer.get("/api/territories")).json()

    held = await buyer.post(
        "/api/territories", json={"kind": "cluster", "city_id": town, "cluster_id": str(cluster)}
    )
    after = (await other.get("/api/territories")).json()

    assert (before["allowed"], before["price_factor"]) == ({"zip": 3, "cluster": 1}, "1.10")
    assert {(each["kind"], each["leads"]) for each in before["places"]} == {("zip", 1), ("cluster", 1)}
    assert held.json()["cluster_name"] == "Harrow 7"
    assert {(each["kind"], each["free"], each["waiting"]) for each in after["places"]} == {
        ("zip", False, 0),
        ("cluster", False, 0),
    }
    bears = await rows(committed_db, "SELECT exclusive_contractor_id, assigned_at FROM lead_clusters")
    assert bears[0].exclusive_contractor_id is not None
    assert bears[0].assigned_at is not None


async def test_the_buyer_of_a_sold_lead_alone_hears_of_a_storm_over_it(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        unsold = await make_lead(session, market.resources.keys)
    sale = (await market.buy()).json()["sale_id"]
    for lead in (market.lead_id, unsold):
        event = SoldLeadStruck(
            base_lead_id=lead,
            event_type="hail",
            struck_on=date(2026, 11, 18),
            distance_miles=0.69,
            source="lsr",
        )
        with all_rows():
            async with market.resources.unit_of_work() as uow:
                await tell_of_storm(event, uow, market.resources)

        with all_rows():  # another storm, another notice
            async with market.resources.unit_of_work() as uow:
                await tell_of_storm(event, uow, market.resources)

    told, again = await rows(committed_db, "SELECT * FROM notifications WHERE kind = 'storm_at_sold_lead'")
    assert again.sale_id == told.sale_id
    assert (told.contractor_id, told.channel) == (market.contractor_id, "in_app")
    assert told.reason.startswith("Hail on 2026-11-18, 0.69 miles from the house, reported by lsr.")
    assert str(told.sale_id) == str(sale)
