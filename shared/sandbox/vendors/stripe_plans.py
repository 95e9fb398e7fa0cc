"""Stripe's plans: prices, checkout, subscriptions, invoices, and the pages on which a buyer pays."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from shared.sandbox.forms import parse_form
from shared.sandbox.vendors.stripe import page_of
from shared.sandbox.vendors.stripe_desk import StripeDesk

PRICE_PARAMETERS = frozenset(
    {"active", "currency", "expand", "lookup_key", "metadata", "nickname", "product", "product_data"}
    | {"recurring", "tax_behavior", "transfer_lookup_key", "unit_amount"}
)
SESSION_PARAMETERS = frozenset(
    {"allow_promotion_codes", "cancel_url", "client_reference_id", "customer", "customer_email", "expand"}
    | {"expires_at", "line_items", "locale", "metadata", "mode", "payment_method_types"}
    | {"subscription_data", "success_url"}
)
SUBSCRIPTION_PARAMETERS = frozenset(
    {"cancel_at_period_end", "default_payment_method", "expand", "items", "metadata"}
    | {"payment_behavior", "proration_behavior", "proration_date"}
)
INVOICE_PARAMETERS = frozenset({"limit", "starting_after", "subscription", "customer", "status", "expand"})
PRICE_LIST_PARAMETERS = frozenset({"limit", "starting_after", "lookup_keys", "active", "expand"})


def router(desk: StripeDesk) -> APIRouter:
    """Routes of plans."""
    routes = APIRouter()
    routes.include_router(_reads(desk))
    routes.include_router(_writes(desk))
    routes.include_router(_hosted(desk))
    return routes


def _reads(desk: StripeDesk) -> APIRouter:
    routes, billing = APIRouter(prefix="/stripe/v1"), desk.billing

    @routes.get("/prices")
    def prices(request: Request) -> Response:
        def act(query: dict[str, Any]) -> dict[str, Any]:
            keys = query.pop("lookup_keys", None)
            found = [p for p in billing.newest("price") if keys is None or p["lookup_key"] in keys]
            return page_of(found, query)

        return desk.get(request, PRICE_LIST_PARAMETERS, act)

    @routes.get("/invoices")
    def invoices(request: Request) -> Response:
        def act(query: dict[str, Any]) -> dict[str, Any]:
            wanted = query.get("subscription")
            found = [i for i in billing.newest("invoice") if wanted in (None, i["subscription"])]
            return page_of(found, query)

        return desk.get(request, INVOICE_PARAMETERS, act)

    @routes.get("/invoices/{key}")
    def invoice(key: str, request: Request) -> Response:
        return desk.get(request, frozenset({"expand"}), lambda _: billing.one("invoice", key))

    @routes.get("/subscriptions/{key}")
    def subscription(key: str, request: Request) -> Response:
        return desk.get(request, frozenset({"expand"}), lambda _: billing.one("subscription", key))

    @routes.get("/checkout/sessions/{key}")
    def session(key: str, request: Request) -> Response:
        return desk.get(request, frozenset({"expand"}), lambda _: billing.one("checkout.session", key))

    return routes


def _writes(desk: StripeDesk) -> APIRouter:
    routes, billing = APIRouter(prefix="/stripe/v1"), desk.billing

    @routes.post("/prices")
    async def create_price(request: Request) -> Response:
        return await desk.post(request, PRICE_PARAMETERS, billing.create_price)

    @routes.post("/checkout/sessions")
    async def create_session(request: Request) -> Response:
        return await desk.post(request, SESSION_PARAMETERS, billing.create_session)

    @routes.post("/checkout/sessions/{key}/expire")
    async def expire_session(key: str, request: Request) -> Response:
        return await desk.post(request, frozenset({"expand"}), lambda _: billing.expire_session(key))

    @routes.post("/subscriptions/{key}")
    async def change(key: str, request: Request) -> Response:
        return await desk.post(request, SUBSCRIPTION_PARAMETERS, lambda form: billing.change(key, form))

    @routes.post("/invoices/{key}/pay")
    async def pay_invoice(key: str, request: Request) -> Response:
        known = frozenset({"payment_method", "off_session", "expand"})
        return await desk.post(request, known, lambda form: billing.pay_invoice(key, form))

    return routes


def _hosted(desk: StripeDesk) -> APIRouter:
    """What people and time do at the processor: pay on its page, and let a month begin."""
    routes, billing = APIRouter(prefix="/stripe/hosted"), desk.billing

    @routes.get("/checkout/{key}")
    def page(key: str) -> HTMLResponse:
        session = billing.one("checkout.session", key)
        cents = billing.one("price", session["line_price"])["unit_amount"]
        return HTMLResponse(
            f"<!doctype html><title>Sandbox checkout</title><h1>Sandbox checkout</h1>"
            f"<p>${cents / 100:,.2f} a month. {escape(session['status'])}. No money moves.</p>"
            '<form method="post"><label>Card <input name="payment_method" value="pm_card_visa"></label>'
            "<button>Pay</button></form>"
        )

    @routes.post("/checkout/{key}")
    async def pay(key: str, request: Request) -> Response:
        form = parse_form(await request.body())
        answer = await desk.hosted(form, lambda given: billing.pay_session(key, given))
        if answer.status_code != 200:
            return answer
        return RedirectResponse(str(billing.one("checkout.session", key)["success_url"]), status_code=303)

    @routes.post("/subscriptions/{key}/renew")
    async def renew(key: str, request: Request) -> Response:
        form = parse_form(await request.body())
        return await desk.hosted(form, lambda given: billing.renew(key, given))

    return routes
