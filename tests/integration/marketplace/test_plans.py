"""Plans: bought on Stripe's page, told by its events, paid ahead in the books, spent lead by lead."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from services.marketplace.service import billing
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.http.tls import known_authorities
from shared.security.policy import Role
from shared.workflow import start
from tests.factories.leads import make_lead
from tests.factories.supply import stock
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_refund import open_workflows
from tests.integration.marketplace.test_returns import claim, decide

UNIT = 5000
STARTER, LEADS = 50000, 10
DECLINED = "pm_card_chargeDeclined"


@pytest.fixture(autouse=True)
async def enough(market: Market, committed_db: SessionMaker) -> None:
    """Leads that fill every plan."""
    await stock(committed_db, on_sale=400)


async def post(market: Market, path: str, **body: Any) -> httpx.Response:
    """What the buyer's plan answers."""
    async with market.client() as client:
        return await client.post(
            f"/api/contractors/me/plan/{path}", json=body, headers={"Idempotency-Key": uuid4().hex}
        )


async def pay(url: str, card: str = "pm_card_visa") -> httpx.Response:
    """What a buyer does on Stripe's page."""
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        return await client.post(url, data={"payment_method": card})


async def hosted(market: Market, path: str, **form: str) -> None:
    """Let something happen at Stripe."""
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        answer = await client.post(f"{market.town}/stripe/hosted/{path}", data=form)
    answer.raise_for_status()


async def account(market: Market) -> dict[str, Any]:
    """The buyer's account."""
    async with market.client() as client:
        answer = (await client.get("/api/contractors/me/plan")).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def refresh(market: Market, reference: str) -> str:
    """What comes of asking Stripe about a subscription, as a worker does it."""
    with all_rows():
        return await billing.refresh(market.resources, reference)


async def tell(market: Market, db: SessionMaker, reference: str, *, kind: str = "invoice") -> None:
    """Let the marketplace hear an event about a subscription."""
    subject = {"object": kind, "id": reference if kind == "subscription" else f"x_{uuid4().hex}"}
    event = {
        "id": f"evt_{uuid4().hex}",
        "type": f"{kind}.any",
        "created": 1_790_000_000,
        "data": {"object": subject | {"subscription": reference, "payment_intent": "pi_x"}},
    }
    assert (await market.webhook(orjson.dumps(event))).json() == {"status": "taken"}
    for workflow in await open_workflows(db, "plan_event"):
        assert await market.runner().run(workflow, "plan_event")


async def subscribed(market: Market, db: SessionMaker, plan: str = "starter") -> str:
    """A paid plan of the buyer, by checkout and event; Stripe's id of the subscription."""
    page = (await post(market, "checkout", plan=plan)).raise_for_status().json()
    assert (await pay(page["url"])).status_code == 303
    billing = market.resources.providers.billing
    [row] = await rows(db, "SELECT checkout_ref FROM plan_subscriptions WHERE status = 'checkout'")
    checkout = await billing.read_checkout(row.checkout_ref)
    assert checkout is not None
    assert checkout.subscription is not None
    await tell(market, db, checkout.subscription, kind="checkout.session")
    return checkout.subscription


async def settle_plans(market: Market, db: SessionMaker) -> None:
    """Run the job that settles plans once."""
    async with db.begin() as session:
        run = await start(session, "settle_plans", subject_id=uuid4())
    assert await market.runner().run(run.workflow_id, "settle_plans")


async def run(db: SessionMaker, statement: str, **values: Any) -> None:
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def books(db: SessionMaker) -> dict[str, int]:
    """What each account holds for us, those of buyers by their kind alone."""
    found = await rows(
        db,
        "SELECT split_part(code, ':', 1) AS code, balance_cents FROM ledger_accounts WHERE balance_cents <> 0",
    )
    return {row.code: row.balance_cents for row in found}


async def test_the_price_list_is_for_everybody(market: Market) -> None:
    async with market.door.client() as client:
        plans = (await client.get("/api/plans")).json()
        page = await client.get("/plans")
    assert [(p["code"], p["monthly_cents"], p["included_leads"], p["unit_cents"]) for p in plans] == [
        ("starter", STARTER, LEADS, UNIT),
        ("professional", 200000, 40, UNIT),
        ("enterprise", 500000, 100, UNIT),
    ]
    assert page.status_code == 200
    assert "$2,000" in page.text


async def test_a_paid_checkout_pays_leads_ahead_and_a_lead_earns_its_part(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    assert await books(committed_db) == {"stripe": STARTER, "deferred": -STARTER}
    view = await account(market)
    assert (view["subscription"]["status"], view["leads_left"]) == ("active", LEADS)

    sale = (await market.buy()).json()

    assert (sale["status"], sale["included"], sale["charged_cents"]) == ("sold", True, UNIT)
    assert [charge["amount"] for charge in await market.charges()] == [STARTER]
    assert await books(committed_db) == {"stripe": STARTER, "deferred": UNIT - STARTER, "revenue": -UNIT}
    view = await account(market)
    assert (view["leads_left"], view["deferred_cents"]) == (LEADS - 1, STARTER - UNIT)
    assert await violations(committed_db) == {}


async def test_nothing_is_ours_before_stripe_says_so(market: Market, committed_db: SessionMaker) -> None:
    page = (await post(market, "checkout", plan="starter")).json()
    again = (await post(market, "checkout", plan="starter")).json()
    other = await post(market, "checkout", plan="enterprise")

    assert page["url"] == again["url"]
    assert (other.status_code, other.json()["code"]) == (409, "has-plan")
    assert (await pay(page["url"], DECLINED)).status_code == 402
    assert (await account(market))["subscription"]["status"] == "checkout"
    assert await books(committed_db) == {}
    assert (await market.buy()).json()["included"] is False


@pytest.mark.fault(15)
async def test_events_in_any_order_and_number_book_an_invoice_once(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await subscribed(market, committed_db)
    for kind in ("subscription", "invoice", "checkout.session", "invoice"):
        await tell(market, committed_db, reference, kind=kind)
    await asyncio.gather(*(refresh(market, reference) for _ in range(4)))

    assert len(await rows(committed_db, "SELECT 1 FROM plan_periods")) == 1
    assert await books(committed_db) == {"stripe": STARTER, "deferred": -STARTER}
    assert await violations(committed_db) == {}


async def test_an_older_answer_never_replaces_a_newer_one(market: Market, committed_db: SessionMaker) -> None:
    reference = await subscribed(market, committed_db)
    await run(
        committed_db,
        "UPDATE plan_subscriptions SET status = 'paused', asked_at = now() + interval '1 minute'",
    )
    assert await refresh(market, reference) == "stale"
    assert (await account(market))["subscription"]["status"] == "paused"


async def test_purchases_at_once_never_take_more_leads_than_the_plan_includes(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await run(committed_db, "UPDATE plan_periods SET leads = 2")
    async with committed_db.begin() as session:
        others = [await make_lead(session, market.resources.keys) for _ in range(3)]
    answers = await asyncio.gather(*(market.buy(lead) for lead in (market.lead_id, *others)))

    assert [answer.json()["status"] for answer in answers] == ["sold"] * 4
    assert sum(answer.json()["included"] for answer in answers) == 2
    assert sorted(charge["amount"] for charge in await market.charges()) == [17500, 17500, STARTER]
    assert await violations(committed_db) == {}


async def test_the_checker_sees_a_period_that_sold_too_much(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await market.buy()
    await run(committed_db, "UPDATE plan_periods SET leads = 0")
    assert await violations(committed_db) == {"quota_overdrawn": 1}
    await run(committed_db, "UPDATE plan_periods SET leads = 10, amount_cents = amount_cents + 1")
    assert await violations(committed_db) == {"deferred_matches_periods": 1}


async def test_a_lead_cheaper_than_an_included_one_is_bought_at_its_price(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await run(committed_db, "UPDATE base_leads SET price = 49.99")
    sale = (await market.buy()).json()
    assert (sale["included"], sale["charged_cents"]) == (False, 4999)
    assert await violations(committed_db) == {}


async def test_who_agreed_to_a_lead_of_the_plan_is_not_charged_for_it(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await run(committed_db, "UPDATE plan_periods SET leads = 0")
    async with market.client() as client:
        answer = await client.post(
            f"/api/leads/{market.lead_id}/purchase",
            json={"payment_method": "pm_card_visa", "included": True},
            headers={"Idempotency-Key": uuid4().hex},
        )
    assert (answer.status_code, answer.json()["code"]) == (409, "price-changed")
    own = await rows(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=market.lead_id)
    assert [row.status for row in own] == ["available"]


async def test_a_returned_lead_of_an_open_period_is_a_lead_again_and_credit_after_it(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    first, second = [(await market.buy(lead)).json()["sale_id"] for lead in (market.lead_id, other)]

    opened = await claim(market, committed_db, first)
    await decide(market, committed_db, opened.json()["id"], "accept")
    assert (await account(market))["leads_left"] == LEADS - 1
    assert await books(committed_db) == {"stripe": STARTER, "deferred": UNIT - STARTER, "revenue": -UNIT}

    await end_month(market, committed_db)
    opened = await claim(market, committed_db, second)
    await decide(market, committed_db, opened.json()["id"], "accept")
    assert await books(committed_db) == {"stripe": STARTER, "credit": -STARTER}
    assert await violations(committed_db) == {}


async def test_receipts_say_what_a_plan_paid_and_what_went_back_to_it(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    async with committed_db.begin() as session:
        other = await make_lead(session, market.resources.keys)
    first, second = [(await market.buy(lead)).json()["sale_id"] for lead in (market.lead_id, other)]
    opened = await claim(market, committed_db, first)
    await decide(market, committed_db, opened.json()["id"], "accept")
    await end_month(market, committed_db)
    opened = await claim(market, committed_db, second)
    await decide(market, committed_db, opened.json()["id"], "accept")

    async with market.client() as client:
        found = (await client.get("/api/receipts")).json()["items"]
        papers = [(await client.get(f"/api/receipts/{each['id']}.pdf")).content for each in found]
    told = {
        (r["kind"], r["sale_id"]): (r["charged_cents"], r["credit_cents"], r["plan_cents"]) for r in found
    }
    assert told == {
        ("receipt", first): (0, 0, UNIT),
        ("receipt", second): (0, 0, UNIT),
        ("credit_note", first): (0, 0, UNIT),
        ("credit_note", second): (0, UNIT, 0),
    }
    assert sum(b"Paid ahead by the plan" in paper for paper in papers) == 2
    assert sum(b"Given back to the plan" in paper for paper in papers) == 1


async def end_month(market: Market, db: SessionMaker) -> None:
    await run(
        db,
        "UPDATE plan_periods SET starts_at = starts_at - interval '40 days', ends_at = ends_at - interval '40 days'",
    )
    await settle_plans(market, db)


async def test_leads_not_used_become_credit_once_and_the_rest_is_earned(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    await market.buy()
    await run(committed_db, "UPDATE plan_periods SET leads = 9")

    await end_month(market, committed_db)
    await settle_plans(market, committed_db)

    unused = 8 * UNIT
    assert await books(committed_db) == {"stripe": STARTER, "credit": -unused, "revenue": -2 * UNIT}
    assert (await account(market))["leads_left"] == 0
    assert await violations(committed_db) == {}


async def test_a_period_waits_for_the_open_purchase_that_holds_its_lead(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    sale_id = await market.hanging_sale(committed_db)
    await run(
        committed_db,
        "UPDATE sales SET price = 50, plan_period_id = (SELECT id FROM plan_periods) WHERE id = :id",
        id=sale_id,
    )
    await end_month(market, committed_db)
    assert [row.closed_at for row in await rows(committed_db, "SELECT closed_at FROM plan_periods")] == [None]


async def test_a_failed_renewal_keeps_the_leads_for_the_days_of_grace_and_stops_then(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await subscribed(market, committed_db)
    await hosted(market, f"subscriptions/{reference}/renew", payment_method=DECLINED)
    await run(
        committed_db,
        "UPDATE plan_periods SET starts_at = starts_at - interval '30 days', ends_at = now() - interval '1 minute'",
    )
    await tell(market, committed_db, reference, kind="subscription")
    view = await account(market)
    assert (view["subscription"]["status"], view["leads_left"]) == ("past_due", LEADS)

    await run(committed_db, "UPDATE plan_subscriptions SET past_due_since = now() - interval '3 days'")
    assert (await account(market))["leads_left"] == 0
    sale = (await market.buy()).json()
    assert (sale["status"], sale["included"], sale["charged_cents"]) == ("sold", False, 17500)
    await settle_plans(market, committed_db)
    assert (await books(committed_db))["credit"] == -STARTER
    assert await violations(committed_db) == {}


async def test_a_lost_event_is_made_up_by_the_job(market: Market, committed_db: SessionMaker) -> None:
    page = (await post(market, "checkout", plan="starter")).json()
    await pay(page["url"])
    await run(committed_db, "UPDATE plan_subscriptions SET created_at = now() - interval '5 minutes'")
    await settle_plans(market, committed_db)
    assert (await account(market))["leads_left"] == LEADS


async def test_a_checkout_that_nobody_paid_ends_and_another_can_begin(
    market: Market, committed_db: SessionMaker
) -> None:
    await post(market, "checkout", plan="starter")
    await run(
        committed_db,
        "UPDATE plan_subscriptions SET checkout_ref = NULL, created_at = now() - interval '2 hours', "
        "checkout_until = now() - interval '1 hour'",
    )
    await settle_plans(market, committed_db)
    assert (await account(market))["subscription"] is None
    assert (await post(market, "checkout", plan="enterprise")).status_code == 200


async def test_a_dearer_plan_is_charged_at_once_and_brings_what_its_difference_pays(
    market: Market, committed_db: SessionMaker
) -> None:
    await subscribed(market, committed_db)
    view = (await post(market, "change", plan="professional")).json()

    assert view["subscription"]["plan"]["code"] == "professional"
    amounts = sorted(period["amount_cents"] for period in view["periods"])
    assert amounts[0] == STARTER
    assert 149_000 < amounts[1] <= 150_000
    assert view["leads_left"] == LEADS + amounts[1] // UNIT
    assert await violations(committed_db) == {}


async def test_a_cheaper_plan_charges_nothing_and_a_plan_ends_with_its_month(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await subscribed(market, committed_db, "professional")
    view = (await post(market, "change", plan="starter")).json()
    assert (view["subscription"]["plan"]["code"], view["leads_left"]) == ("starter", 40)
    assert (await post(market, "cancellation", end=True)).json()["subscription"]["cancel_at_period_end"]

    await hosted(market, f"subscriptions/{reference}/renew")
    await tell(market, committed_db, reference, kind="subscription")

    view = await account(market)
    assert (view["subscription"]["status"], view["leads_left"]) == ("canceled", 40)
    assert (await post(market, "change", plan="starter")).json()["code"] == "no-plan"
    assert [charge["amount"] for charge in await market.charges()] == [200000]


async def test_a_buyer_has_the_tier_of_the_plan_it_pays(market: Market, committed_db: SessionMaker) -> None:
    async def tier() -> str | None:
        statement = "SELECT subscription_tier FROM contractors WHERE id = :id"
        found: str | None = (await rows(committed_db, statement, id=market.contractor_id))[
            0
        ].subscription_tier
        return found

    old = await subscribed(market, committed_db, "professional")
    assert await tier() == "professional"
    await post(market, "cancellation", end=True)
    await hosted(market, f"subscriptions/{old}/renew")
    await tell(market, committed_db, old, kind="subscription")
    assert await tier() is None
    await subscribed(market, committed_db)
    await tell(market, committed_db, old, kind="subscription")  # late word of the plan that has ended
    assert await tier() == "starter"


async def test_a_subscription_of_nobody_is_left_alone(market: Market, committed_db: SessionMaker) -> None:
    reference = await subscribed(market, committed_db)
    await run(committed_db, "UPDATE plan_subscriptions SET subscription_ref = 'sub_other'")
    assert await refresh(market, reference) == "foreign"
    assert await refresh(market, "sub_unknown") == "foreign"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"monthly_cents": 60000, "included_leads": 10}, 201),
        ({"monthly_cents": 50001, "included_leads": 10}, 422),
        ({"monthly_cents": 60000, "included_leads": 10, "valid_from": "2026-01-01T00:00:00Z"}, 409),
    ],
)
async def test_operators_set_prices_from_now_on(market: Market, body: dict[str, Any], status: int) -> None:
    token = market.door.user_token(Role.OPS, user_id=market.user_id)
    new = {"code": "starter", "grace_days": 3, "reason": "autumn prices", **body}
    async with market.door.client(token=token) as client:
        answer = await client.post("/api/ops/plans", json=new)
        prices = (await client.get("/api/plans")).json()
    assert answer.status_code == status
    assert prices[0]["monthly_cents"] == (60000 if status == 201 else STARTER)


async def test_pages_show_the_plan_and_the_confirmation_says_that_it_pays(
    market: Market, committed_db: SessionMaker
) -> None:
    async with market.client() as client:
        before = await client.get("/my/billing?plan=starter")
    await subscribed(market, committed_db)
    async with market.client() as client:
        billing = await client.get("/my/billing")
        confirm = await client.get(f"/leads/{market.lead_id}/buy")
    assert "No plan" in before.text
    assert "Starter, $500 a month" in billing.text
    assert "plan paid, invoice in_" in billing.text
    assert "nothing is charged" in confirm.text
