"""The sandbox's own doors: health, truth, faults, counters, replay and reset."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import NotAuthenticated, NotFound
from shared.sandbox.misbehaviour import FaultOrder
from shared.sandbox.replay import Replays
from shared.sandbox.state import Sandbox
from shared.sandbox.truth import town_truth
from shared.sandbox.vendors.sendgrid import Mailroom
from shared.sandbox.vendors.stripe_ledger import Ledger
from shared.telemetry.exposition import CONTENT_TYPE_LATEST, generate_latest, is_scraper

REPLAY = "replay"
ROBOTS = """User-agent: *
Disallow: /assessor/*/owners
Disallow: /html_portal/*/staff
Disallow: /_sandbox/
Crawl-delay: 0
"""


class ReplayOrder(BaseModel):
    """Recorded CSV file, or folder of them, to serve as an ArcGIS layer."""

    model_config = ConfigDict(extra="forbid")

    layer: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{2,60}$")
    path: Path


class RobotsOrder(BaseModel):
    """Answer to give for robots.txt from now on."""

    model_config = ConfigDict(extra="forbid")

    status: int = Field(200, ge=200, le=599)
    body: str = ROBOTS


def router(
    sandbox: Sandbox, *, replays: Replays, ledger: Ledger, mailroom: Mailroom, vendors: tuple[str, ...]
) -> APIRouter:
    """Routes below /_sandbox and the site's robots.txt."""
    routes = APIRouter()
    routes.include_router(_robots(sandbox))
    routes.include_router(_measured(sandbox))
    routes.include_router(_town(sandbox, replays, vendors))
    routes.include_router(_vault(ledger, mailroom))
    routes.include_router(_faults(sandbox, vendors))
    return routes


def _measured(sandbox: Sandbox) -> APIRouter:
    """What this process tells the scraper of metrics."""
    routes = APIRouter()

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        if not is_scraper(request.headers.get("authorization"), sandbox.settings.metrics_token):
            raise NotAuthenticated("metrics want the scraper's token")
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


def _robots(sandbox: Sandbox) -> APIRouter:
    """What the sites say to crawlers."""
    routes = APIRouter()
    robots = {"order": RobotsOrder()}
    sandbox.on_reset(lambda: robots.update(order=RobotsOrder()))

    @routes.get("/robots.txt")
    def robots_txt() -> Response:
        return PlainTextResponse(robots["order"].body, status_code=robots["order"].status)

    @routes.post("/_sandbox/robots")
    def set_robots(order: RobotsOrder) -> dict[str, Any]:
        robots["order"] = order
        return order.model_dump()

    return routes


def _town(sandbox: Sandbox, replays: Replays, vendors: tuple[str, ...]) -> APIRouter:
    """Health, truth, replay and reset."""
    routes = APIRouter()
    for layer, path in [(key, value) for kind, key, value in sandbox.journal.entries() if kind == REPLAY]:
        with suppress(NotFound):
            replays.add(layer, Path(path))
    sandbox.on_reset(replays.clear)

    @routes.get("/_sandbox/health")
    def health() -> dict[str, Any]:
        settings = sandbox.settings
        return {
            "status": "ok",
            "seed": settings.seed,
            "parcels": settings.parcels,
            "as_of": settings.as_of.isoformat(),
            "vendors": vendors,
        }

    @routes.get("/_sandbox/truth")
    def truth(
        city: str = "Harrow",
        state: str = "TX",
        offset: int = Query(0, ge=0),
        limit: int | None = Query(None, ge=1),
    ) -> dict[str, Any]:
        town = sandbox.towns.named(city, state)
        if town is None:
            raise NotFound(f"the sandbox has no town {city}, {state}")
        return town_truth(town, offset=offset, limit=limit)

    @routes.post("/_sandbox/replay")
    def replay(order: ReplayOrder) -> dict[str, Any]:
        rows = replays.add(order.layer, order.path)
        sandbox.journal.append(REPLAY, order.layer, str(order.path.resolve()))
        return {
            "layer": order.layer,
            "rows": rows,
            "path": f"/arcgis/rest/services/{order.layer}/FeatureServer/0",
        }

    @routes.post("/_sandbox/reset")
    async def reset() -> dict[str, str]:
        sandbox.reset()
        return {"status": "ok"}

    return routes


def _vault(ledger: Ledger, mailroom: Mailroom) -> APIRouter:
    """Mail and money that arrived."""
    routes = APIRouter()

    @routes.get("/_sandbox/sendgrid/messages")
    def messages(to: str = "") -> dict[str, Any]:
        kept = [m for m in mailroom.messages if not to or m["to"].lower() == to.lower()]
        return {"count": len(kept), "messages": kept}

    @routes.get("/_sandbox/sendgrid/public_key")
    def public_key() -> dict[str, str]:
        return {"public_key": mailroom.public_key()}

    @routes.get("/_sandbox/stripe/charges")
    def charges() -> dict[str, Any]:
        taken = [c for c in ledger.charges.values() if c["paid"]]
        return {
            "count": len(taken),
            "cents": sum(c["amount_captured"] - c["amount_refunded"] for c in taken),
            "charges": taken,
        }

    return routes


def _faults(sandbox: Sandbox, vendors: tuple[str, ...]) -> APIRouter:
    """Orders to misbehave, and counters."""
    routes = APIRouter()

    @routes.post("/_sandbox/{vendor}/next")
    def misbehave(vendor: str, order: FaultOrder) -> dict[str, Any]:
        sandbox.misbehaviour.order(_known(vendor, vendors), order)
        return order.model_dump()

    @routes.get("/_sandbox/{vendor}/calls")
    def calls(vendor: str) -> dict[str, Any]:
        return sandbox.misbehaviour.calls(_known(vendor, vendors))

    return routes


def _known(vendor: str, vendors: tuple[str, ...]) -> str:
    if vendor not in vendors:
        raise NotFound(f"the sandbox has no vendor {vendor}", vendors=list(vendors))
    return vendor
