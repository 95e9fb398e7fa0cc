"""The simulated processor sells plans as the real one does: one price a key, one session a key, money only by its page."""

from __future__ import annotations

import time
from typing import Any

import httpx

STRIPE = {"Authorization": "Bearer sk_test_1"}
PRICE = {
    "currency": "usd",
    "unit_amount": "50000",
    "recurring[interval]": "month",
    "product_data[name]": "Starter",
    "lookup_key": "plan-1",
}


async def made(client: httpx.AsyncClient, path: str, key: str = "", **form: str) -> httpx.Response:
    headers = STRIPE | ({"Idempotency-Key": key} if key else {})
    return await client.post(f"/stripe/v1/{path}", data=form, headers=headers)


async def session(client: httpx.AsyncClient, **change: str) -> dict[str, Any]:
    price = (await made(client, "prices", **PRICE)).json()
    form = {
        "mode": "subscription",
        "line_items[0][price]": price["id"],
        "line_items[0][quantity]": "1",
        "subscription_data[metadata][reference]": "r-1",
        "success_url": "https://shop.example/thanks",
        "expires_at": str(int(time.time()) + 3600),
    }
    answer: dict[str, Any] = (await made(client, "checkout/sessions", "checkout-1", **(form | change))).json()
    return answer


async def test_a_price_is_found_by_its_key_and_made_once(client: httpx.AsyncClient) -> None:
    first = (await made(client, "prices", **PRICE)).json()
    again = await made(client, "prices", **PRICE)
    listed = await client.get("/stripe/v1/prices?lookup_keys[0]=plan-1&limit=100", headers=STRIPE)
    none = await client.get("/stripe/v1/prices?lookup_keys[0]=plan-2", headers=STRIPE)
    assert again.status_code == 400
    assert [price["id"] for price in listed.json()["data"]] == [first["id"]]
    assert none.json()["data"] == []


async def test_only_its_page_takes_the_money_and_a_declined_card_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    open_page = await session(client)
    path = f"/stripe/hosted/checkout/{open_page['id']}"
    declined = await client.post(path, data={"payment_method": "pm_card_chargeDeclined"})
    still = (await client.get(f"/stripe/v1/checkout/sessions/{open_page['id']}", headers=STRIPE)).json()
    paid = await client.post(path, data={"payment_method": "pm_card_visa"}, follow_redirects=False)
    twice = await client.post(path, data={"payment_method": "pm_card_visa"}, follow_redirects=False)
    done = (await client.get(f"/stripe/v1/checkout/sessions/{open_page['id']}", headers=STRIPE)).json()

    assert (declined.status_code, still["status"]) == (402, "open")
    assert (paid.status_code, paid.headers["location"]) == (303, "https://shop.example/thanks")
    assert (twice.status_code, done["status"]) == (400, "complete")
    subscription = (
        await client.get(f"/stripe/v1/subscriptions/{done['subscription']}", headers=STRIPE)
    ).json()
    invoice = (await client.get(f"/stripe/v1/invoices/{done['invoice']}", headers=STRIPE)).json()
    assert (subscription["status"], subscription["metadata"]) == ("active", {"reference": "r-1"})
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 50000)


async def test_a_page_open_for_too_long_and_an_unknown_name_are_refused(client: httpx.AsyncClient) -> None:
    late = await session(client, expires_at=str(int(time.time()) + 90_000))
    odd = await made(client, "prices", **PRICE, colour="red")
    assert late["error"]["param"] == "expires_at"
    assert odd.json()["error"]["code"] == "parameter_unknown"
