"""The sandbox's Twilio: its callbacks and what people text back carry the vendor's own signature."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest

from shared.security.webhooks import WebhookRefused, verify_twilio
from tests.contract.sandbox.test_people_and_money import Receiver, client_of, listening

CALLBACK = "http://us/webhooks/twilio?decision=7"
ACCOUNT = f"AC{0:032x}"
FORM = {
    "To": "+15125550123",
    "Body": "Ridgeline",
    "MessagingServiceSid": f"MG{0:032x}",
    "StatusCallback": CALLBACK,
}


async def send(client: httpx.AsyncClient, **changes: str) -> httpx.Response:
    """The answer to a text."""
    path = f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return await client.post(path, data={**FORM, **changes}, auth=(ACCOUNT, "sandbox"))


async def test_a_text_tells_its_fate_to_its_own_callback() -> None:
    receiver = Receiver()
    app = listening(receiver, stripe_webhook_url="off")
    async with client_of(app) as client:
        assert (await send(client)).status_code == 201
        assert (await send(client, To="+15125550103")).json()["num_segments"] == "1"
        await app.state.sandbox.webhooks.settle()
    told = []
    for request in receiver.got:
        fields = parse_qsl(request.content.decode(), keep_blank_values=True)
        verify_twilio(CALLBACK, fields, request.headers["x-twilio-signature"], ["sandbox"])
        told.append((dict(fields)["MessageStatus"], dict(fields).get("ErrorCode")))
    assert sorted(told, key=str) == [
        ("delivered", None),
        ("sent", None),
        ("sent", None),
        ("undelivered", "30003"),
    ]


async def test_what_people_text_back_reaches_us_signed_and_stop_is_remembered() -> None:
    receiver = Receiver()
    url = "http://us/webhooks/twilio"
    app = listening(receiver, stripe_webhook_url="off", twilio_webhook_url=url)
    async with client_of(app) as client:
        await client.post("/_sandbox/twilio/inbound", json={"from": "+15125550123", "body": "Stop"})
        await app.state.sandbox.webhooks.settle()
        assert (await send(client)).json()["code"] == 21610
        await client.post("/_sandbox/twilio/inbound", json={"from": "+15125550123", "body": "START"})
        assert (await send(client)).status_code == 201
        await app.state.sandbox.webhooks.settle()
    fields = parse_qsl(receiver.got[0].content.decode(), keep_blank_values=True)
    assert {"From": "+15125550123", "Body": "Stop"}.items() <= dict(fields).items()
    verify_twilio(url, fields, receiver.got[0].headers["x-twilio-signature"], ["old", "sandbox"])
    with pytest.raises(WebhookRefused):
        verify_twilio(url, fields, receiver.got[0].headers["x-twilio-signature"], ["other"])
