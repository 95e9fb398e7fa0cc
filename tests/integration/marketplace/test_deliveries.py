"""A bought lead reaches its buyer's own system over real HTTP, as one record whatever fails on the way."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from sqlalchemy import text

from services.marketplace.jobs import STEPS
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.security.policy import Role
from shared.security.subject_keys import SubjectKeys
from shared.security.webhooks import WebhookRefused, verify_stripe
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import Market, Receiver, let_due, rows

DESTINATIONS = "/api/deliveries/destinations"


@dataclass
class Desk:
    """A buyer with its own system."""

    market: Market
    db: SessionMaker
    receiver: Receiver

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with self.market.client() as client:
            return await client.request(method, path, **options)

    async def webhook(self, field_map: str = "plain") -> str:
        form = {"url": self.receiver.url, "field_map": field_map}
        answer = await self.ask("PUT", f"{DESTINATIONS}/webhook", json=form)
        return str(answer.raise_for_status().json()["secret"])

    async def sold(self) -> str:
        answer = (await self.market.buy()).json()
        assert answer["status"] == "sold", answer
        return str(answer["sale_id"])

    async def with_email(self, email: str) -> None:
        """The lead on sale has an e-mail address of a public record."""
        ring, lead_id = self.market.resources.keys, self.market.lead_id
        async with self.db.begin() as session:
            found = await session.execute(
                text("SELECT subject_id FROM base_leads WHERE id = :id"), {"id": lead_id}
            )
            cipher = await SubjectKeys(session, ring).load(found.scalar_one())
            await session.execute(
                text("UPDATE base_leads SET owner_email = :sealed, owner_email_hash = :hash WHERE id = :id"),
                {
                    "sealed": cipher.encrypt("owner_email", email),
                    "hash": ring.blind_index(email, "email"),
                    "id": lead_id,
                },
            )
            await session.execute(
                text(
                    """
                    INSERT INTO compliance.provenance (entity, entity_id, field, source, fetched_at)
                    VALUES ('base_leads', :id, 'owner_email', 'harrow_tx_parcels', now())
                    """
                ),
                {"id": lead_id},
            )

    async def work(self, *, times: int = 1) -> None:
        for _ in range(times):
            await let_due(self.db)
            runner = StepRunner(self.market.resources, STEPS, worker="test-worker", lease_seconds=30)
            ready = "SELECT workflow_id FROM core.step WHERE name = 'deliver_lead' AND status = 'ready'"
            for row in await rows(self.db, ready):
                await runner.run(row.workflow_id, "deliver_lead")

    async def deliveries(self) -> list[dict[str, Any]]:
        return list((await self.ask("GET", "/api/deliveries")).raise_for_status().json())

    async def contacts(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(verify=known_authorities(), base_url=self.market.town) as client:
            answer = await client.post(
                "/highlevel/contacts/search",
                json={"locationId": "theirs", "pageLimit": 100},
                headers={"authorization": "Bearer k", "version": "2021-07-28"},
            )
        return list(answer.raise_for_status().json()["contacts"])


@pytest.fixture
async def desk(receiver: Receiver, market: Market, committed_db: SessionMaker) -> Desk:
    return Desk(market, committed_db, receiver)


async def test_a_bought_lead_arrives_once_after_failures_and_its_signature_holds(desk: Desk) -> None:
    secret = await desk.webhook("jobnimbus")
    sale_id = await desk.sold()
    desk.receiver.answers = [500, "drop", 429]
    await desk.work(times=6)

    assert len(desk.receiver.received) == 4
    assert len(desk.receiver.records) == 1
    (delivery,) = await desk.deliveries()
    assert (delivery["status"], delivery["error"], delivery["sale_id"]) == ("delivered", None, sale_id)
    assert [a["http_status"] for a in delivery["attempts"]] == [500, None, 429, 200]
    headers, body = desk.receiver.received[-1]
    told = orjson.loads(body)
    assert headers["x-ridgeline-delivery"] == told["delivery_id"] == delivery["id"]
    assert told["lead"]["external_id"] == sale_id
    now = desk.market.resources.clock()
    verify_stripe(body, headers["x-ridgeline-signature"], [secret], now=now)
    with pytest.raises(WebhookRefused):
        verify_stripe(body + b" ", headers["x-ridgeline-signature"], [secret], now=now)
    assert "cookie" not in headers


async def test_a_worker_killed_between_sending_and_record_makes_no_second_record(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    await desk.work()
    # What a kill leaves behind: it was sent, and neither the effect's answer nor the step's end was written.
    async with desk.db.begin() as session:
        await session.execute(
            text("UPDATE core.effect SET state = 'intended', response = NULL WHERE kind = 'delivery.webhook'")
        )
        await session.execute(text("UPDATE lead_deliveries SET status = 'pending', delivered_at = NULL"))
        await session.execute(
            text(
                "UPDATE core.workflow SET status = 'running', finished_at = NULL WHERE kind = 'deliver_lead'"
            )
        )
        await session.execute(
            text("UPDATE core.step SET status = 'ready', finished_at = NULL WHERE name = 'deliver_lead'")
        )
    await desk.work()
    assert len(desk.receiver.received) == 2
    assert len(desk.receiver.records) == 1
    assert [row["status"] for row in await desk.deliveries()] == ["delivered"]


async def test_a_refusal_ends_it_and_it_is_sent_again_under_the_same_id(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    desk.receiver.answers = [302]
    await desk.work(times=2)
    (failed,) = await desk.deliveries()
    assert (failed["status"], failed["error"]) == ("failed", "the receiver answered 302")
    again = await desk.ask("POST", f"/api/deliveries/{failed['id']}/again")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    assert (await desk.ask("POST", f"/api/deliveries/{failed['id']}/again")).status_code == 202
    await desk.work(times=2)
    assert [row["status"] for row in await desk.deliveries()] == ["delivered"]
    assert (len(desk.receiver.received), len(desk.receiver.records)) == (2, 1)


async def test_a_receiver_that_stays_away_ends_as_failed(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    desk.receiver.answers = [503] * 20
    await desk.work(times=8)
    (delivery,) = await desk.deliveries()
    assert (delivery["status"], len(delivery["attempts"])) == ("failed", 6)


async def test_a_lead_given_back_is_not_sent(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    async with desk.db.begin() as session:
        await session.execute(text("UPDATE sales SET status = 'refunded'"))
    await desk.work()
    (delivery,) = await desk.deliveries()
    assert (delivery["status"], desk.receiver.received) == ("failed", [])
    assert "given back" in delivery["error"]
    again = await desk.ask("POST", f"/api/deliveries/{delivery['id']}/again")
    assert (again.status_code, again.json()["code"]) == (409, "delivery-not-possible")


async def test_a_removed_destination_gets_nothing_and_its_secret_is_gone(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    assert (await desk.ask("DELETE", f"{DESTINATIONS}/webhook")).status_code == 204
    assert (await desk.ask("DELETE", f"{DESTINATIONS}/webhook")).status_code == 404
    await desk.work()
    assert desk.receiver.received == []
    assert [row["status"] for row in await desk.deliveries()] == ["failed"]
    (key,) = await rows(
        desk.db,
        "SELECT k.wrapped_key FROM delivery_destinations d JOIN compliance.subject_key k USING (subject_id)",
    )
    assert key.wrapped_key is None


async def test_settings_show_the_secret_once_and_keep_it_sealed(desk: Desk) -> None:
    secret = await desk.webhook()
    assert secret.startswith("whsec_")
    changed = await desk.ask(
        "PUT", f"{DESTINATIONS}/webhook", json={"url": desk.receiver.url, "field_map": "acculynx"}
    )
    assert (changed.json()["secret"], changed.json()["field_map"]) == (None, "acculynx")
    (listed,) = (await desk.ask("GET", DESTINATIONS)).json()
    assert (listed["address"], listed["secret"]) == (desk.receiver.url, None)
    (row,) = await rows(desk.db, "SELECT address, secret FROM delivery_destinations")
    assert secret not in row.secret
    assert "127.0.0.1" not in row.address
    actions = [
        row.action
        for row in await rows(desk.db, "SELECT action FROM audit_log ORDER BY chain_day, chain_seq")
    ]
    assert actions.count("delivery.set") == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest",
        "https://user:pw@93.184.216.34/",
        "https://93.184.216.34:8443/",
        "ftp://93.184.216.34/",
        "not a url",
    ],
)
async def test_an_address_where_nothing_may_go_is_refused_and_not_kept(desk: Desk, url: str) -> None:
    answer = await desk.ask("PUT", f"{DESTINATIONS}/webhook", json={"url": url})
    assert (answer.status_code, answer.json()["field"]) == (422, "url"), answer.text
    assert await rows(desk.db, "SELECT 1 FROM delivery_destinations") == []


async def test_an_address_that_turned_private_is_refused_at_sending(desk: Desk) -> None:
    await desk.webhook()
    async with desk.db.begin() as session:
        (row,) = await session.execute(text("SELECT id, subject_id FROM delivery_destinations"))
        cipher = await SubjectKeys(session, desk.market.resources.keys).load(row.subject_id)
        values = {"id": row.id, "address": cipher.encrypt("address", "https://127.0.0.1/leads")}
        await session.execute(
            text("UPDATE delivery_destinations SET address = :address WHERE id = :id"), values
        )
    await desk.sold()
    await desk.work()
    (delivery,) = await desk.deliveries()
    assert (delivery["status"], desk.receiver.received) == ("failed", [])
    assert "not public" in delivery["error"]


async def test_highlevel_has_one_tagged_contact_however_often_it_is_sent(desk: Desk) -> None:
    await desk.with_email("ada@homes.example")
    form = {"location_id": "theirs", "api_key": "their-own-key"}
    (await desk.ask("PUT", f"{DESTINATIONS}/highlevel", json=form)).raise_for_status()
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        fault = {"fault": "drop", "match": "/contacts/"}
        (await client.post(f"{desk.market.town}/_sandbox/highlevel/next", json=fault)).raise_for_status()
    await desk.sold()
    await desk.work(times=4)
    (delivery,) = await desk.deliveries()
    assert delivery["status"] == "delivered", delivery
    (await desk.ask("POST", f"/api/deliveries/{delivery['id']}/again")).raise_for_status()
    await desk.work(times=2)
    (contact,) = await desk.contacts()
    assert (contact["id"], contact["tags"]) == (delivery["external_ref"], ["ridgeline-lead"])


async def test_highlevel_gets_nobody_who_cannot_be_reached(desk: Desk) -> None:
    form = {"location_id": "theirs", "api_key": "their-own-key"}
    (await desk.ask("PUT", f"{DESTINATIONS}/highlevel", json=form)).raise_for_status()
    await desk.sold()
    await desk.work()
    (delivery,) = await desk.deliveries()
    assert (delivery["status"], await desk.contacts()) == ("failed", [])
    assert "no phone and no e-mail" in delivery["error"]


async def test_strangers_and_members_see_and_change_nothing(desk: Desk) -> None:
    await desk.webhook()
    await desk.sold()
    await desk.work()
    (delivery,) = await desk.deliveries()
    async with desk.db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    stranger = Market(desk.market.door, desk.market.town, desk.market.lead_id, contractor_id, user_id)
    async with stranger.client() as client:
        assert (await client.get("/api/deliveries")).json() == []
        assert (await client.get(DESTINATIONS)).json() == []
        assert (await client.post(f"/api/deliveries/{delivery['id']}/again")).status_code == 404
        assert (await client.delete(f"{DESTINATIONS}/webhook")).status_code == 404
        assert len((await client.get("/api/deliveries/leads.csv")).text.splitlines()) == 1
    ids: dict[str, UUID] = {"contractor_id": desk.market.contractor_id, "user_id": desk.market.user_id}
    token = desk.market.door.user_token(Role.CONTRACTOR_MEMBER, **ids)
    async with desk.market.door.client(token=token) as client:
        assert (await client.get(DESTINATIONS)).status_code == 403


async def test_the_file_holds_what_was_bought_by_the_receivers_names(desk: Desk) -> None:
    sale_id = await desk.sold()
    answer = await desk.ask("GET", "/api/deliveries/leads.csv", params={"field_map": "servicetitan"})
    (row,) = csv.DictReader(io.StringIO(answer.raise_for_status().text))
    assert row["externalId"] == sale_id
    assert (answer.headers["x-withheld-leads"], answer.headers["cache-control"]) == ("0", "no-store")
    bad = await desk.ask("GET", "/api/deliveries/leads.csv", params={"field_map": "nope"})
    assert (bad.status_code, bad.json()["field"]) == (422, "field_map")
    assert len(await rows(desk.db, "SELECT 1 FROM audit_log WHERE action = 'delivery.export'")) == 1


async def test_two_settings_at_once_make_one_destination(desk: Desk) -> None:
    form = {"url": desk.receiver.url}
    answers = await asyncio.gather(*(desk.ask("PUT", f"{DESTINATIONS}/webhook", json=form) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert [answer.json().get("secret") is not None for answer in answers].count(True) == 1
    assert len(await rows(desk.db, "SELECT 1 FROM delivery_destinations WHERE removed_at IS NULL")) == 1
