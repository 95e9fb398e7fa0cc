"""One lead, one buyer, one charge: the money path on real storage and the sandbox's Stripe."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text

from shared.db.engine import SessionMaker
from shared.schemas.enums import ImageDomain, ImageType, TriggerType, UserRole, ViewAngle
from shared.security.policy import Role
from shared.security.webhooks import sign_stripe
from tests.factories.leads import make_buyer, make_lead, make_user
from tests.integration.marketplace.conftest import (
    WEBHOOK_SECRET,
    Market,
    let_due,
    rows,
    stripe_event,
    violations,
)

REFUSED_PREVIEW_WORDS = ("OAK ST", "owner", "apn", "lat", "lng", "image", "phone", "email")


async def test_a_buyer_gets_the_lead_charged_and_the_books_balance(
    market: Market, committed_db: SessionMaker
) -> None:
    answer = await market.buy()

    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "sold"
    assert answer.json()["charged_cents"] == 17500
    assert [charge["amount"] for charge in await market.charges()] == [17500]
    lead = (await rows(committed_db, "SELECT status, sold_at FROM base_leads"))[0]
    assert lead.status == "sold"
    assert lead.sold_at is not None
    sold_by = await rows(committed_db, "SELECT sale_id FROM lead_assignments")
    assert [str(row.sale_id) for row in sold_by] == [answer.json()["sale_id"]]
    books = await rows(
        committed_db,
        "SELECT a.code, e.debit_cents, e.credit_cents FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id",
    )
    assert {tuple(row) for row in books} == {("stripe:clearing", 17500, 0), ("revenue:leads", 0, 17500)}
    assert await violations(committed_db) == {}


async def test_a_second_wish_for_a_lead_of_ones_own_says_so(market: Market) -> None:
    first, second = await market.buy(), await market.buy()

    assert (first.json()["status"], second.status_code) == ("sold", 409)
    assert second.json()["code"] == "lead-is-yours"


@pytest.mark.fault(27)
async def test_the_preview_names_no_person_and_no_house(market: Market) -> None:
    async with market.client() as client:
        offered = (await client.get("/api/leads")).json()
        shown = (await client.get(f"/api/leads/{market.lead_id}")).json()

    assert [lead["id"] for lead in offered] == [str(market.lead_id)]
    assert shown["owned"] is False
    facts = str({**shown, "notice": ""})
    assert not [word for word in REFUSED_PREVIEW_WORDS if word in facts]
    assert shown["street"] is None


async def test_the_reveal_shows_the_owner_once_sold_and_leaves_an_audit_row(
    market: Market, committed_db: SessionMaker
) -> None:
    await _add_evidence(committed_db)
    await market.buy()
    async with market.client() as client:
        full = (await client.get(f"/api/leads/{market.lead_id}")).json()

    assert full["owned"] is True
    assert [trigger["strength"] for trigger in full["triggers"]] == [80]
    assert [image["captured_on"] for image in full["images"]] == ["2026-05-01"]
    assert [source["field"] for source in full["provenance"]] == ["owner_name"]
    assert full["owner_name"] == "ADA LOVELACE"
    audit = await rows(committed_db, "SELECT fields FROM audit_log WHERE action = 'lead.reveal'")
    assert audit[0].fields == ["owner_name"]
    assert (await rows(committed_db, "SELECT revealed_at FROM sales"))[0].revealed_at is not None


async def test_a_buyer_learns_neither_who_reviewed_the_roof_nor_what_he_noted_for_us(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        await session.execute(
            text(
                """
                INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain,
                                           human_validated, human_validator_id, validation_notes, workflow_id)
                SELECT id, 'poor', 0.9, true, 'rendered', true, gen_random_uuid(), 'the neighbour told me', gen_random_uuid()
                  FROM base_leads
                """
            )
        )
    await market.buy()
    async with market.client() as client:
        roof = (await client.get(f"/api/leads/{market.lead_id}")).json()["roof_analysis"]

    assert (roof["overall_condition"], roof["human_validated"]) == ("poor", True)
    assert not {"human_validator_id", "validation_notes", "workflow_id"} & set(roof)


async def _add_evidence(db: SessionMaker) -> None:
    """A storm over the house and a picture of it."""
    async with db.begin() as session:
        await session.execute(
            text(
                """
                INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_date, trigger_strength, trigger_details)
                SELECT id, :trigger, now(), 80, '{"hail_size_inches": 1.25}' FROM base_leads
                """
            ),
            {"trigger": TriggerType.NEIGHBOR_PERMITS},
        )
        await session.execute(
            text(
                """
                INSERT INTO property_images (base_lead_id, image_type, view_angle, capture_date, source, licence_id,
                                             image_domain)
                SELECT id, :type, :angle, '2026-05-01', 'naip', 'naip', :domain FROM base_leads
                """
            ),
            {
                "type": next(iter(ImageType)),
                "angle": next(iter(ViewAngle)),
                "domain": next(iter(ImageDomain)),
            },
        )


async def test_a_stranger_sees_neither_the_sold_lead_nor_the_sale(
    market: Market, committed_db: SessionMaker
) -> None:
    sale = (await market.buy()).json()
    async with committed_db.begin() as session:
        other, user = await make_buyer(session)
    token = market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=other, user_id=user)
    async with market.door.client(token=token) as client:
        answers = [
            await client.get(f"/api/leads/{market.lead_id}"),
            await client.get(f"/api/sales/{sale['sale_id']}"),
            await client.get(f"/api/leads/{uuid4()}"),
        ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_staff_read_every_sale_and_not_the_market(market: Market, committed_db: SessionMaker) -> None:
    sale = (await market.buy()).json()
    async with committed_db.begin() as session:
        ops = await make_user(session, role=UserRole.OPS)
    async with market.door.client(token=market.door.user_token(Role.OPS, user_id=ops)) as client:
        read = await client.get(f"/api/sales/{sale['sale_id']}")
        refused = [
            await client.get(path)
            for path in ("/api/leads", "/api/leads/my-leads", f"/api/leads/{market.lead_id}")
        ]

    assert read.json() == sale
    assert [answer.status_code for answer in refused] == [403, 403, 403]


async def test_the_second_buyer_gets_conflict_and_is_not_charged(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.buy()
    async with committed_db.begin() as session:
        market.contractor_id, market.user_id = await make_buyer(session)

    answer = await market.buy()

    assert answer.status_code == 409
    assert answer.json()["code"] == "lead-already-sold"
    assert len(await market.charges()) == 1


async def test_a_decline_puts_the_lead_back_on_sale(market: Market, committed_db: SessionMaker) -> None:
    answer = await market.buy(card="pm_card_chargeDeclined")

    assert answer.json()["status"] == "declined"
    assert (await rows(committed_db, "SELECT status FROM base_leads"))[0].status == "available"
    assert await rows(committed_db, "SELECT 1 FROM ledger_entries") == []
    assert (await market.buy()).json()["status"] == "sold"


async def test_a_buyer_without_credentials_is_refused_with_the_reason(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        market.contractor_id, market.user_id = await make_buyer(session, credential_status="lapsed")

    answer = await market.buy()

    assert answer.status_code == 403
    assert "BUYER_NOT_CREDENTIALED" in answer.json()["reasons"]
    assert (await rows(committed_db, "SELECT status FROM base_leads"))[0].status == "available"
    decisions = await rows(committed_db, "SELECT allow FROM compliance.contact_decision WHERE kind = 'sell'")
    assert [row.allow for row in decisions] == [False]


async def test_the_same_key_is_the_same_sale_and_another_body_is_refused(market: Market) -> None:
    first = await market.buy(key="purchase-0001")
    again = await market.buy(key="purchase-0001")
    other = await market.buy(key="purchase-0001", card="pm_card_mastercard")

    assert again.json()["sale_id"] == first.json()["sale_id"]
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency-key-reused"
    assert len(await market.charges()) == 1


@pytest.mark.fault(5)
async def test_a_charge_whose_answer_was_lost_is_found_and_not_made_again(
    market: Market, committed_db: SessionMaker
) -> None:
    await market.fault(fault="drop", count=1, match="/v1/payment_intents")
    answer = await market.buy()
    if answer.json()["status"] != "sold":
        await let_due(committed_db)
        workflow = (await rows(committed_db, "SELECT id FROM core.workflow WHERE kind = 'sale'"))[0].id
        await market.runner().run(workflow, "charge")

    assert (await rows(committed_db, "SELECT status FROM sales"))[0].status == "sold"
    assert len(await market.charges()) == 1
    assert await violations(committed_db) == {}


async def test_the_notice_goes_to_the_buyer_once(market: Market, committed_db: SessionMaker) -> None:
    await market.buy()
    workflow = (await rows(committed_db, "SELECT id FROM core.workflow WHERE kind = 'sale'"))[0].id
    runner = market.runner()
    ran = [await runner.run(workflow, "notify_buyer") for _ in range(2)]

    assert ran == [True, False]
    step = (await rows(committed_db, "SELECT status, reason FROM core.step WHERE name = 'notify_buyer'"))[0]
    assert step.status == "done", step.reason
    async with httpx.AsyncClient() as client:
        mail = (await client.get(f"{market.town}/_sandbox/sendgrid/messages")).json()
    assert len(mail if isinstance(mail, list) else mail["messages"]) == 1
    consumed = await rows(
        committed_db, "SELECT consumed_at FROM compliance.contact_decision WHERE kind = 'contact'"
    )
    assert [row.consumed_at is not None for row in consumed] == [True]


async def test_the_notice_survives_a_storm_of_refusals(market: Market, committed_db: SessionMaker) -> None:
    await market.buy()
    workflow = (await rows(committed_db, "SELECT id FROM core.workflow WHERE kind = 'sale'"))[0].id
    async with httpx.AsyncClient() as client:
        order = {"fault": "429", "count": 6, "retry_after": 0}
        (await client.post(f"{market.town}/_sandbox/sendgrid/next", json=order)).raise_for_status()
    tries = 0
    while await market.runner().run(workflow, "notify_buyer"):
        tries += 1
        await let_due(committed_db)

    step = (await rows(committed_db, "SELECT status, reason FROM core.step WHERE name = 'notify_buyer'"))[0]
    assert (tries > 1, step.status) == (True, "done"), step.reason
    async with httpx.AsyncClient() as client:
        mail = (await client.get(f"{market.town}/_sandbox/sendgrid/messages")).json()
    assert len(mail if isinstance(mail, list) else mail["messages"]) == 1
    assert await violations(committed_db) == {}


@pytest.mark.fault(5)
async def test_a_reservation_nobody_paid_is_released_only_after_the_processor_was_asked(
    market: Market, committed_db: SessionMaker
) -> None:
    sale_id = await market.hanging_sale(committed_db)
    await market.settle(committed_db)
    assert (await rows(committed_db, "SELECT status FROM sales"))[0].status == "reserved"
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE core.workflow SET finished_at = now() - interval '2 minutes' WHERE kind = 'sale'")
        )
    await market.settle(committed_db)

    assert (await rows(committed_db, "SELECT status FROM sales WHERE id = :id", id=sale_id))[
        0
    ].status == "released"
    assert (await rows(committed_db, "SELECT status FROM base_leads"))[0].status == "available"


@pytest.mark.parametrize("harm", ["body", "secret", "old", "missing"])
@pytest.mark.fault(16)
async def test_a_forged_webhook_is_refused_and_writes_nothing(
    market: Market, committed_db: SessionMaker, harm: str
) -> None:
    body = stripe_event("pi_1")
    now = market.resources.clock()
    header = sign_stripe(body, "whsec_other" if harm == "secret" else WEBHOOK_SECRET, now=now)
    if harm == "old":
        header = sign_stripe(body, WEBHOOK_SECRET, now=now.replace(year=now.year - 1))
    headers = {} if harm == "missing" else {"stripe-signature": header}
    async with market.door.client() as client:
        answer = await client.post(
            "/webhooks/stripe", content=body + b" " if harm == "body" else body, headers=headers
        )

    assert answer.status_code == 401
    assert await rows(committed_db, "SELECT 1 FROM core.inbox") == []
    assert await rows(committed_db, "SELECT 1 FROM core.workflow") == []


@pytest.mark.parametrize("created", [None, "x", 1e20, -99999999999999, {}, []])
async def test_an_event_of_no_time_is_invalid(
    market: Market, committed_db: SessionMaker, created: Any
) -> None:
    answer = await market.webhook(orjson.dumps(orjson.loads(stripe_event("pi_1")) | {"created": created}))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert await rows(committed_db, "SELECT 1 FROM core.inbox") == []


@pytest.mark.fault(14)
async def test_a_webhook_five_times_is_taken_once(market: Market, committed_db: SessionMaker) -> None:
    body = stripe_event("pi_1")
    header = sign_stripe(body, WEBHOOK_SECRET, now=market.resources.clock())
    async with market.door.client() as client:
        answers = [
            await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": header})
            for _ in range(5)
        ]

    assert [answer.json()["status"] for answer in answers] == ["taken", *["duplicate"] * 4]
    assert len(await rows(committed_db, "SELECT 1 FROM core.workflow WHERE kind = 'stripe_event'")) == 1


@pytest.mark.fault(3)
@pytest.mark.slow
async def test_five_hundred_buyers_of_one_lead_make_one_sale(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        buyers = [await make_buyer(session) for _ in range(500)]
    tokens = [
        market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor, user_id=user)
        for contractor, user in buyers
    ]
    async with market.door.client(timeout=120) as client:

        async def buy(token: str) -> int:
            answer = await client.post(
                f"/api/leads/{market.lead_id}/purchase",
                json={"payment_method": "pm_card_visa"},
                headers={"Idempotency-Key": uuid4().hex, "Authorization": f"Bearer {token}"},
            )
            return answer.status_code

        codes = await asyncio.gather(*(buy(token) for token in tokens))

    assert (codes.count(202), codes.count(409)) == (1, 499)
    assert len(await market.charges()) == 1
    assert len(await rows(committed_db, "SELECT 1 FROM sales WHERE status = 'sold'")) == 1
    assert await violations(committed_db) == {}


@pytest.mark.fault(4)
@pytest.mark.slow
async def test_fifty_buyers_who_each_want_five_of_forty_leads_share_them_out(
    market: Market, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        leads = [
            await make_lead(session, market.resources.keys, address_key=f"{number}||ELM|ST|||76998")
            for number in range(40)
        ]
        buyers = [await make_buyer(session) for _ in range(50)]
    wishes = [
        (
            market.door.user_token(Role.CONTRACTOR_OWNER, contractor_id=contractor, user_id=user),
            leads[(turn * 3 + step * step) % 40],
        )
        for turn, (contractor, user) in enumerate(buyers)
        for step in range(5)
    ]
    async with market.door.client(timeout=120) as client:

        async def buy(token: str, lead_id: UUID) -> int:
            answer = await client.post(
                f"/api/leads/{lead_id}/purchase",
                json={"payment_method": "pm_card_visa"},
                headers={"Idempotency-Key": uuid4().hex, "Authorization": f"Bearer {token}"},
            )
            return answer.status_code

        codes = await asyncio.gather(*(buy(*wish) for wish in wishes))

    wanted = {lead for _, lead in wishes}
    assert (codes.count(202), codes.count(409)) == (len(wanted), len(wishes) - len(wanted))
    sold = await rows(committed_db, "SELECT base_lead_id FROM sales WHERE status = 'sold'")
    assert sorted(row.base_lead_id for row in sold) == sorted(wanted)
    assert len(await market.charges()) == len(wanted)
    assert await violations(committed_db) == {}


async def test_two_leads_can_be_bought_by_one_buyer(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        second = await make_lead(session, market.resources.keys)
    codes = [(await market.buy()).status_code, (await market.buy(second)).status_code]

    assert codes == [202, 202]
    async with market.client() as client:
        mine = (await client.get("/api/leads/my-leads")).json()
    assert len(mine) == 2


@pytest.mark.parametrize("kind", ["payment_intent.created", "charge.succeeded"])
async def test_an_event_that_another_follows_starts_no_work(
    market: Market, committed_db: SessionMaker, kind: str
) -> None:
    answer = await market.webhook(orjson.dumps(orjson.loads(stripe_event("pi_1")) | {"type": kind}))

    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert await rows(committed_db, "SELECT 1 FROM core.workflow UNION ALL SELECT 1 FROM core.inbox") == []
