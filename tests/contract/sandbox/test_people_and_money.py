"""Finder, verifier, payments and mail keep their vendors' shapes, and remember."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings
from tests.contract.sandbox.conftest import TODAY, MatchesContract

KEY = {"X-API-KEY": "k"}
STRIPE = {"Authorization": "Bearer sk_test_1"}
CHARGE = {"amount": "30360", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
INTENTS = "/stripe/v1/payment_intents"
MAIL = {
    "personalizations": [{"to": [{"email": "buyer@contractor.example"}]}],
    "from": {"email": "leads@ridgeline.example"},
    "subject": "A lead",
    "content": [{"type": "text/plain", "value": "x"}],
    "custom_args": {"notification": "n1"},
}


async def find(client: httpx.AsyncClient, **query: str) -> httpx.Response:
    return await client.get("/hunter/v2/email-finder", params=query, headers=KEY)


async def test_finder_knows_some_owners_and_never_a_wrong_one(
    client: httpx.AsyncClient, truth: list[dict[str, Any]], matches_contract: MatchesContract
) -> None:
    right = 0
    people = [row for row in truth if row["owner"]["email"]][:120]
    for row in people:
        answer = await find(client, full_name=row["owner"]["name"], company=row["address"]["one_line"])
        if answer.status_code == 451:
            continue
        found = answer.json()["data"]["email"]
        assert found in (None, row["owner"]["email"])
        right += found is not None
        if found:
            matches_contract(
                "hunter_email_finder", "get", "/email-finder", 200, _without_nulls(answer.json())
            )
    assert 0.4 < right / len(people) < 0.9


def _without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    """The published schema does not know that Hunter writes null for what it has not."""
    return {**body, "data": {key: value for key, value in body["data"].items() if value is not None}}


async def test_finder_bills_only_what_it_found(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    nobody = await find(client, full_name="Nobody Atall", company="Harrow")
    assert (nobody.status_code, nobody.json()["data"]["email"]) == (200, None)
    account = await client.get("/hunter/v2/account", headers=KEY)
    matches_contract("hunter_account", "get", "/account", 200, account.json())
    assert account.json()["data"]["requests"]["searches"]["used"] == 0


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"full_name": "A B"}, KEY, 400),
        ({"company": "x"}, KEY, 400),
        ({"full_name": "A B", "company": "x"}, {}, 401),
        ({"full_name": "A B", "company": "x"}, {"X-API-KEY": "bad"}, 401),
        ({"full_name": "A B", "company": "x", "max_duration": "2"}, KEY, 400),
    ],
)
async def test_finder_refuses(
    client: httpx.AsyncClient, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    answer = await client.get("/hunter/v2/email-finder", params=query, headers=headers)
    assert answer.status_code == status
    assert {"id", "code", "details"} == set(answer.json()["errors"][0])


async def test_verifier_tells_the_truth_in_its_shape(
    client: httpx.AsyncClient, truth: list[dict[str, Any]], matches_contract: MatchesContract
) -> None:
    owners = [row["owner"] for row in truth if row["owner"]["email"]]
    for owner in owners[:60]:
        answer = await client.get("/zerobounce/v2/validate", params={"api_key": "k", "email": owner["email"]})
        matches_contract("zerobounce", "get", "/v2/validate", 200, answer.json())
        assert answer.json()["status"] == owner["email_status"]
    assert {owner["email_status"] for owner in owners} >= {"valid", "invalid", "catch-all", "unknown"}


@pytest.mark.parametrize(
    ("email", "status"),
    [
        ("nobody1@mailbox.example", "invalid"),
        ("no-at-sign", "invalid"),
        ("catch_all@example.com", "catch-all"),
    ],
)
async def test_verifier_on_strangers(client: httpx.AsyncClient, email: str, status: str) -> None:
    answer = await client.get("/zerobounce/v2/validate", params={"api_key": "k", "email": email})
    assert answer.json()["status"] == status


async def test_verifier_hides_a_bad_key_in_http_200(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    answer = await client.get("/zerobounce/v2/validate", params={"api_key": "bad", "email": "a@b.example"})
    matches_contract("zerobounce", "get", "/v2/validate", 200, answer.json())
    assert set(answer.json()) == {"error"}
    assert (await client.get("/zerobounce/v2/getcredits?api_key=bad")).json() == {"Credits": "-1"}


async def charge(client: httpx.AsyncClient, key: str = "", **changes: str) -> httpx.Response:
    headers = {**STRIPE, "Idempotency-Key": key} if key else STRIPE
    return await client.post(INTENTS, data={**CHARGE, **changes}, headers=headers)


async def test_charge_matches_the_contract_and_is_kept(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    made = await charge(client, **{"metadata[sale_id]": "s1"})
    matches_contract("stripe", "post", "/v1/payment_intents", 200, made.json())
    intent = made.json()
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == (
        "succeeded",
        30360,
        {"sale_id": "s1"},
    )
    again = await client.get(f"{INTENTS}/{intent['id']}", headers=STRIPE)
    assert again.json() == intent
    listed = (await client.get(INTENTS, headers=STRIPE)).json()
    matches_contract("stripe", "get", "/v1/payment_intents", 200, {**listed, "url": "/v1/payment_intents"})
    assert [one["id"] for one in listed["data"]] == [intent["id"]]


async def test_same_key_charges_once_and_says_it_was_replayed(client: httpx.AsyncClient) -> None:
    first, second = await charge(client, "k1"), await charge(client, "k1")
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert (await client.get("/_sandbox/stripe/charges")).json()["count"] == 1


async def test_same_key_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    await charge(client, "k1")
    other = await charge(client, "k1", amount="5000")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


async def test_same_key_in_flight_conflicts_and_charges_once(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(charge(client, "k2") for _ in range(6)))
    assert sorted({answer.status_code for answer in answers}) in ([200], [200, 409])
    assert (await client.get("/_sandbox/stripe/charges")).json()["count"] == 1


async def test_decline_is_402_and_replayed_under_its_key(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    first = await charge(client, "k3", payment_method="pm_card_chargeDeclined")
    matches_contract("stripe", "post", "/v1/payment_intents", 402, first.json())
    error = first.json()["error"]
    assert (first.status_code, error["code"], error["payment_intent"]["status"]) == (
        402,
        "card_declined",
        "requires_payment_method",
    )
    second = await charge(client, "k3", payment_method="pm_card_chargeDeclined")
    assert second.json() == first.json()
    assert (await client.get("/_sandbox/stripe/charges")).json()["count"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"foo": "1"}, "parameter_unknown"),
        ({"amount": "1.5"}, "parameter_invalid_integer"),
        ({"amount": "10"}, "amount_too_small"),
        ({"currency": "USD"}, "parameter_invalid"),
        ({"payment_method": "pm_nobody"}, "resource_missing"),
        ({"automatic_payment_methods[enabled]": "true"}, "parameter_missing"),
    ],
)
async def test_wrong_charges_are_refused_by_name(
    client: httpx.AsyncClient, changes: dict[str, str], code: str
) -> None:
    answer = await charge(client, **changes)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["code"] == code


async def test_json_bodies_and_missing_keys_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post(INTENTS, json=CHARGE, headers=STRIPE)).status_code == 400
    assert (await client.post(INTENTS, data=CHARGE)).status_code == 401


async def test_confirm_cancel_capture_and_refund_follow_the_states(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    later = (await charge(client, confirm="false")).json()
    assert later["status"] == "requires_confirmation"
    paid = (await client.post(f"{INTENTS}/{later['id']}/confirm", headers=STRIPE)).json()
    assert paid["status"] == "succeeded"
    again = await client.post(f"{INTENTS}/{later['id']}/confirm", headers=STRIPE)
    assert again.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert (await client.post(f"{INTENTS}/{later['id']}/cancel", headers=STRIPE)).status_code == 400
    refund = await client.post(
        "/stripe/v1/refunds", data={"payment_intent": later["id"], "amount": "360"}, headers=STRIPE
    )
    matches_contract("stripe", "post", "/v1/refunds", 200, refund.json())
    rest = await client.post("/stripe/v1/refunds", data={"payment_intent": later["id"]}, headers=STRIPE)
    assert rest.json()["amount"] == 30000
    third = await client.post("/stripe/v1/refunds", data={"payment_intent": later["id"]}, headers=STRIPE)
    assert third.json()["error"]["code"] == "charge_already_refunded"
    held = (await charge(client, capture_method="manual")).json()
    taken = await client.post(f"{INTENTS}/{held['id']}/capture", headers=STRIPE)
    assert (held["status"], taken.json()["status"]) == ("requires_capture", "succeeded")


async def test_lists_page_newest_first_and_search_lags(client: httpx.AsyncClient) -> None:
    ids = [(await charge(client, **{"metadata[n]": str(n)})).json()["id"] for n in range(5)]
    first = (await client.get(INTENTS, params={"limit": 2}, headers=STRIPE)).json()
    rest = (
        await client.get(
            INTENTS, params={"limit": 9, "starting_after": first["data"][-1]["id"]}, headers=STRIPE
        )
    ).json()
    assert first["has_more"] is True
    assert [one["id"] for one in first["data"] + rest["data"]] == ids[::-1]
    found = await client.get(f"{INTENTS}/search", params={"query": "metadata['n']:'1'"}, headers=STRIPE)
    assert found.json()["data"] == [], "search is not for reading what was just written"
    wrong = await client.get(INTENTS, params={"limit": "many"}, headers=STRIPE)
    assert wrong.status_code == 400


class Receiver(httpx.AsyncBaseTransport):
    """Takes webhooks and answers with the statuses it is given, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.got = list(statuses), list[httpx.Request]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.got.append(request)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200)


def listening(receiver: Receiver, **settings: Any) -> FastAPI:
    given = {"today": TODAY, "webhook_delay_seconds": 0.0, "webhook_retry_seconds": 0.01, **settings}
    app = create_app(SandboxSettings(**given))
    app.state.sandbox.webhooks.transport = receiver
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")


def stripe_signature_fits(request: httpx.Request, secret: str) -> bool:
    parts = dict(part.split("=", 1) for part in request.headers["stripe-signature"].split(","))
    made = hmac.new(secret.encode(), f"{parts['t']}.".encode() + request.content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, parts["v1"])


async def test_payment_events_are_signed_and_retried(matches_contract: MatchesContract) -> None:
    receiver = Receiver(500, 503)
    app = listening(receiver, stripe_webhook_secret="whsec_x")
    async with client_of(app) as client:
        await charge(client, "k9", **{"metadata[sale_id]": "s9"})
        await app.state.sandbox.webhooks.settle()
        calls = (await client.get("/_sandbox/stripe/calls")).json()
        events = (await client.get("/stripe/v1/events", headers=STRIPE)).json()["data"]
    kinds = [json.loads(request.content)["type"] for request in receiver.got]
    assert set(kinds) == {"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
    assert len(receiver.got) == 5, "two refusals, two more tries"
    assert all(stripe_signature_fits(request, "whsec_x") for request in receiver.got)
    assert calls["webhooks"] == {"500": 1, "503": 1, "200": 3}
    for event in events:
        matches_contract("stripe", "get", "/v1/events/{id}", 200, event)
    assert {event["request"]["idempotency_key"] for event in events} == {"k9"}


@pytest.mark.parametrize(("fault", "extra"), [("duplicate", 1), ("forged", 0), ("out_of_order", 0)])
async def test_webhooks_misbehave_on_request(fault: str, extra: int) -> None:
    receiver = Receiver()
    app = listening(receiver, stripe_webhook_secret="whsec_x")
    async with client_of(app) as client:
        await client.post("/_sandbox/stripe/next", json={"fault": fault})
        await charge(client)
        await app.state.sandbox.webhooks.settle()
    assert len(receiver.got) == 3 + extra
    fits = [stripe_signature_fits(request, "whsec_x") for request in receiver.got]
    assert fits.count(False) == (1 if fault == "forged" else 0)
    first = json.loads(receiver.got[0].content)["type"]
    assert (first != "payment_intent.created") is (fault == "out_of_order")


async def test_money_and_undelivered_events_outlive_the_process(tmp_path: Path) -> None:
    gone = Receiver(*[500] * 99)
    app = listening(gone, state_dir=tmp_path, webhook_tries=1)
    async with client_of(app) as client:
        paid = (await charge(client, "k1")).json()
        await client.post("/sendgrid/v3/mail/send", json=MAIL, headers={"Authorization": "Bearer SG.x"})
        await app.state.sandbox.webhooks.settle()
    receiver = Receiver()
    app = listening(receiver, state_dir=tmp_path)
    app.state.sandbox.start()
    async with client_of(app) as client:
        replayed = await charge(client, "k1")
        await app.state.sandbox.webhooks.settle()
        mails = (await client.get("/_sandbox/sendgrid/messages")).json()["count"]
        charges = (await client.get("/_sandbox/stripe/charges")).json()["count"]
    assert (replayed.json()["id"], mails, charges) == (paid["id"], 1, 1)
    assert len(receiver.got) == 3
    receiver = Receiver()
    app = listening(receiver, state_dir=tmp_path)
    app.state.sandbox.start()
    await app.state.sandbox.webhooks.settle()
    assert receiver.got == [], "what was taken is not sent again"


async def test_mail_is_taken_with_an_empty_body_and_an_id(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sendgrid/v3/mail/send", json=MAIL, headers={"Authorization": "Bearer SG.x"})
    assert (answer.status_code, answer.content) == (202, b"")
    inbox = (
        await client.get("/_sandbox/sendgrid/messages", params={"to": "buyer@contractor.example"})
    ).json()
    assert inbox["messages"][0]["message_id"] == answer.headers["x-message-id"]
    assert inbox["messages"][0]["custom_args"] == {"notification": "n1"}


async def test_mail_refusals_match_the_contract(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    headers = {"Authorization": "Bearer SG.x"}
    wrong = await client.post("/sendgrid/v3/mail/send", json={**MAIL, "subject": ""}, headers=headers)
    nobody = await client.post("/sendgrid/v3/mail/send", json=MAIL)
    matches_contract("sendgrid_mail_v3", "post", "/v3/mail/send", 400, wrong.json())
    matches_contract("sendgrid_mail_v3", "post", "/v3/mail/send", 401, nobody.json())
    trial = {**MAIL, "mail_settings": {"sandbox_mode": {"enable": True}}}
    assert (await client.post("/sendgrid/v3/mail/send", json=trial, headers=headers)).status_code == 200
    assert (await client.get("/_sandbox/sendgrid/messages")).json()["count"] == 0


async def test_mail_events_end_in_crlf_and_verify_with_the_public_key() -> None:
    receiver = Receiver()
    app = listening(receiver, sendgrid_webhook_url="http://us/webhooks/email", stripe_webhook_url="off")
    async with client_of(app) as client:
        bounced = {**MAIL, "personalizations": [{"to": [{"email": "bounce1@contractor.example"}]}]}
        for mail in (MAIL, bounced):
            await client.post("/sendgrid/v3/mail/send", json=mail, headers={"Authorization": "Bearer SG.x"})
        await app.state.sandbox.webhooks.settle()
        told = (await client.get("/_sandbox/sendgrid/public_key")).json()["public_key"]
    key = serialization.load_der_public_key(base64.b64decode(told))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    events = []
    for request in receiver.got:
        assert request.content.endswith(b"]\r\n")
        stamp = request.headers["x-twilio-email-event-webhook-timestamp"].encode()
        signature = base64.b64decode(request.headers["x-twilio-email-event-webhook-signature"])
        key.verify(signature, stamp + request.content, ec.ECDSA(hashes.SHA256()))
        events += json.loads(request.content)
    assert sorted(event["event"] for event in events) == ["bounce", "delivered", "processed", "processed"]
    assert {event["notification"] for event in events} == {"n1"}, "custom arguments are flattened"
    assert len({event["sg_event_id"] for event in events}) == 4
