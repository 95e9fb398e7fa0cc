"""Adapters against the sandbox, every request held against the vendor's published contract."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from shared.providers.settings import ProviderSettings
from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings
from tests.contract.providers.openapi import Contract
from tests.unit.providers.world import World, surround

ROOT = "http://sandbox.test"
CONTRACTS = {
    "socrata": ("socrata.json", "/socrata"),
    "arcgis": ("arcgis_featureserver.json", ""),
    "ckan": ("ckan.json", "/ckan"),
    "accela": ("accela.json", "/accela"),
    "census": ("census_geocoder.json", "/census"),
    "hunter": ("hunter_email_finder.json", "/hunter/v2"),
    "snov": ("snov.json", "/snov"),
    "apollo": ("apollo.json", "/apollo/api/v1"),
    "fullcontact": ("fullcontact.json", "/fullcontact"),
    "zerobounce": ("zerobounce.json", "/zerobounce"),
    "neverbounce": ("neverbounce.json", "/neverbounce"),
    "attom": ("attom.json", "/attom/propertyapi/v1.0.0"),
    "melissa": ("melissa_property.json", "/melissa"),
    "mapbox": ("mapbox.json", "/mapbox"),
    "usps": ("usps_addresses_v3.json", "/usps"),
    "twilio_lookups": ("twilio_lookups_v2.json", "/twilio_lookups"),
    "twilio": ("twilio_api_v2010.json", "/twilio"),
    "stripe": ("stripe.json", "/stripe"),
    "sendgrid": ("sendgrid_mail_v3.json", "/sendgrid"),
    "highlevel": ("gohighlevel_contacts.json", "/highlevel"),
    "nws": ("weather_gov.json", "/nws"),
    "streetview": ("google_maps_classic.json", "/streetview"),
    "nearmap": ("nearmap.json", "/nearmap"),
    "google_static": ("google_static_map.json", "/google_static"),
    "mapbox_static": ("mapbox.json", "/mapbox_static"),
    "stac": ("stac_naip.json", "/stac/api/stac/v1"),
}


@pytest.fixture(scope="session")
def sandbox() -> FastAPI:
    """One town for all contract tests; `world` resets what it remembers."""
    return create_app(SandboxSettings(today=date(2026, 11, 20), stripe_webhook_url="off"))


@pytest.fixture(scope="session")
def contracts() -> Path | None:
    """The published contracts; None where they are not at hand, which test_contracts.py tells."""
    shared = Path(os.environ.get("RIDGELINE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    folder = shared / "contracts" / "openapi"
    return folder if folder.is_dir() else None


def contract_of(folder: Path, request: httpx.Request) -> Contract | None:
    """The published contract of the vendor that a request goes to."""
    vendor = request.url.path.split("/")[1]
    if (
        vendor not in CONTRACTS
        or "/api/sas/" in request.url.path
        or (vendor == "stac" and "/assets/" in request.url.path)
    ):
        return None
    file, prefix = CONTRACTS[vendor]
    if vendor == "arcgis":
        prefix = request.url.path.partition("FeatureServer")[0] + "FeatureServer"
    return Contract(folder / file, prefix)


@pytest_asyncio.fixture
async def world(sandbox: FastAPI, contracts: Path | None) -> AsyncIterator[World]:
    """Clients that speak to the sandbox; at the end every request must have kept its contract."""
    requests: list[httpx.Request] = []

    async def remember(sent: httpx.Request) -> None:
        await sent.aread()
        requests.append(sent)

    transport = httpx.ASGITransport(app=sandbox, raise_app_exceptions=True)
    async with (
        sandbox.router.lifespan_context(sandbox),
        httpx.AsyncClient(transport=transport, event_hooks={"request": [remember]}) as http,
    ):
        await httpx.AsyncClient(transport=transport, base_url=ROOT).post("/_sandbox/reset")
        yield surround(http, requests)
    for sent in requests:
        contract = contract_of(contracts, sent) if contracts else None
        if contract is not None:
            assert contract.check(sent), f"{sent.method} {sent.url.path} is not of its contract"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> ProviderSettings:
    """Every vendor is the sandbox's."""
    for name in ("RIDGELINE_ENVIRONMENT", "STREETVIEW_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    return ProviderSettings(sandbox_url=ROOT)


Fault = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture
async def fault(sandbox: FastAPI) -> AsyncIterator[Fault]:
    """Tell a vendor to misbehave."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url=ROOT) as http:

        async def order(vendor: str, kind: str, **details: Any) -> None:
            answer = await http.post(f"/_sandbox/{vendor}/next", json={"fault": kind, **details})
            assert answer.status_code < 300, answer.text

        yield order


@pytest_asyncio.fixture
async def control(sandbox: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox's own doors."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url=ROOT) as http:
        yield http
