"""The sandbox as one application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from shared.errors import RidgelineError
from shared.sandbox import control
from shared.sandbox.misbehaviour import MisbehaviourMiddleware
from shared.sandbox.replay import Replays
from shared.sandbox.settings import SandboxSettings
from shared.sandbox.state import Sandbox
from shared.sandbox.vendors import (
    accela,
    accela_portal,
    apollo,
    arcgis,
    assessor,
    census,
    ckan,
    drop,
    email_finder,
    energov,
    files,
    fullcontact,
    highlevel,
    html_portal,
    mapbox,
    ncei,
    nearmap,
    neverbounce,
    nws,
    ollama,
    orthophotos,
    owner_records,
    sendgrid,
    snov,
    socrata,
    spc,
    stac,
    static_maps,
    streetview,
    stripe,
    stripe_desk,
    stripe_plans,
    swdi,
    twilio,
    twilio_lookups,
    usps,
    webpush,
    zerobounce,
)

VENDORS = (
    "socrata",
    "arcgis",
    "ckan",
    "files",
    "accela",
    "accela_portal",
    "energov",
    "html_portal",
    "ollama",
    "assessor",
    "ncei",
    "spc",
    "nws",
    "swdi",
    "stac",
    "streetview",
    "imageserver",
    "wmts",
    "usgs",
    "nearmap",
    "google_static",
    "mapbox_static",
    "census",
    "hunter",
    "snov",
    "apollo",
    "fullcontact",
    "zerobounce",
    "neverbounce",
    "attom",
    "melissa",
    "mapbox",
    "usps",
    "twilio_lookups",
    "twilio",
    "stripe",
    "sendgrid",
    "webpush",
    "highlevel",
    "drop",
)


def create_app(settings: SandboxSettings | None = None) -> FastAPI:
    """The town behind its vendors' doors; refuses to exist in production."""
    sandbox = Sandbox(settings or SandboxSettings())
    replays = Replays()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        sandbox.start()
        yield
        await sandbox.webhooks.close()

    app = FastAPI(
        title="Ridgeline sandbox", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.sandbox = sandbox
    app.add_middleware(MisbehaviourMiddleware, misbehaviour=sandbox.misbehaviour)
    app.add_exception_handler(RidgelineError, _problem)
    desk, mailroom = stripe_desk.StripeDesk(sandbox), sendgrid.Mailroom(sandbox)
    app.include_router(
        control.router(sandbox, replays=replays, ledger=desk.ledger, mailroom=mailroom, vendors=VENDORS)
    )
    app.include_router(arcgis.router(sandbox, replays))
    for vendor in (
        socrata,
        ckan,
        files,
        accela,
        accela_portal,
        energov,
        html_portal,
        ollama,
        assessor,
        ncei,
        spc,
        nws,
        swdi,
        census,
        mapbox,
        usps,
        highlevel,
    ):
        app.include_router(vendor.router(sandbox))
    for pictures in (stac, streetview, nearmap, orthophotos, static_maps):
        app.include_router(pictures.router(sandbox))
    for people in (email_finder, snov, apollo, fullcontact, zerobounce, neverbounce, owner_records, drop):
        app.include_router(people.router(sandbox))
    _open_phones(app, sandbox)
    _open_money(app, desk)
    _open_mail(app, sandbox, mailroom)
    return app


def _open_phones(app: FastAPI, sandbox: Sandbox) -> None:
    """The telephone company's routes for facts of numbers and for texts."""
    app.include_router(twilio_lookups.router())
    app.include_router(twilio.router(twilio.TextDesk(sandbox)))


def _open_money(app: FastAPI, desk: stripe_desk.StripeDesk) -> None:
    """The processor's routes for payments and for plans."""
    app.include_router(stripe.router(desk))
    app.include_router(stripe_plans.router(desk))


def _open_mail(app: FastAPI, sandbox: Sandbox, mailroom: sendgrid.Mailroom) -> None:
    """The routes of those who carry our words to people: to an address, and to a device."""
    app.include_router(sendgrid.router(mailroom))
    app.include_router(webpush.router(webpush.PushRoom(sandbox)))


def _problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RidgelineError):
        raise error
    body = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **error.fields,
    }
    return JSONResponse(body, status_code=error.status, media_type="application/problem+json")
