"""The demo's buyer: signs up like anybody, is credentialed as a sandbox buyer, buys one lead and sees all of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from shared.cli.activate_run import Place
from shared.compliance.policy import policy_at
from shared.db.engine import make_engine, make_session_maker
from shared.db.seed import BUYER_CHECKS
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput, NotFound, Unavailable, UpstreamFailed
from shared.http.tls import known_authorities
from shared.security import audit
from shared.security.policy import Actor, Role
from shared.settings import Settings

CARD = "pm_card_visa"
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.2
UNSETTLED = ("reserved", "charging", "payment_unknown")

# What the sandbox's seed files for its own buyers, filed for one that has signed up: marked sandbox, never elsewhere.
CREDENTIAL = text(
    """
    UPDATE contractors
       SET credential_status = 'credentialed', credential_checked_at = now(), acquisition_status = 'active',
           sandbox = true
     WHERE id = :id AND source = 'signup'
       AND (SELECT c.sandbox FROM target_cities c WHERE c.city = contractors.city AND c.state = contractors.state)
    RETURNING id
    """
)


@dataclass(frozen=True)
class Bought:
    """A sale that went through, and the lead as its buyer sees it."""

    sale_id: UUID
    lead_id: UUID
    company: str
    login: tuple[str, str]
    """E-mail and password of its owner."""
    price: str
    lead: dict[str, Any]
    sheet: bytes
    """The lead on one page, a PDF."""


class Marketplace:
    """The marketplace's public API; a service that is away for a while only costs time."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""

    async def ask(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), key: str = "", **request: Any
    ) -> Any:
        """The JSON answer; a refusal is UpstreamFailed in the service's words unless its status is accepted."""
        return (await self._answer(method, path, accept=accept, key=key, **request)).json()

    async def pdf(self, path: str) -> bytes:
        """A PDF of the service; UpstreamFailed where it answers with anything else."""
        answer = await self._answer("GET", path)
        if not answer.content.startswith(b"%PDF-"):
            raise UpstreamFailed(f"GET {path} is no PDF")
        return answer.content

    async def _answer(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), key: str = "", **request: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if key:
            headers["Idempotency-Key"] = key
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._http.request(method, path, headers=headers, **request)
                if answer.is_success or answer.status_code in accept:
                    return answer
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                    raise UpstreamFailed(f"{method} {path} was refused: {_words(answer)}")
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise Unavailable("the marketplace cannot be reached; is the fleet up?") from error
            await asyncio.sleep(POLL_SECONDS)

    async def log_in(self, email: str, password: str) -> dict[str, Any]:
        """The user; later calls carry its token."""
        session = await self.ask("POST", "/api/auth/login", json={"email": email, "password": password})
        self._token = session["access_token"]
        user: dict[str, Any] = session["user"]
        return user


async def buy_best_lead(place: Place) -> Bought:
    """A new buyer's purchase of the town's best lead, revealed; NotFound when none is on sale."""
    url = Settings().service_url("marketplace")
    async with httpx.AsyncClient(
        base_url=url, verify=known_authorities(), trust_env=False, timeout=30
    ) as http:
        marketplace = Marketplace(http)
        company, login = await _sign_up(marketplace, place)
        offers = await marketplace.ask(
            "GET", "/api/leads", params={"city": place.city, "state": place.state, "limit": 1}
        )
        if not offers:
            raise NotFound(
                f"no lead of {place} is on sale; `ridgeline progress` and `ridgeline leads` say why"
            )
        lead_id = offers[0]["id"]
        sale = await marketplace.ask(
            "POST",
            f"/api/leads/{lead_id}/purchase",
            json={"payment_method": CARD},
            key=f"demo:{uuid4().hex}",
        )
        sale = await _settled(marketplace, sale)
        lead = await marketplace.ask("GET", f"/api/leads/{lead_id}")
        sheet = await marketplace.pdf(f"/api/leads/my-leads/{sale['sale_id']}/sheet.pdf")
    return Bought(UUID(sale["sale_id"]), UUID(lead_id), company, login, str(sale["price"]), lead, sheet)


async def _sign_up(marketplace: Marketplace, place: Place) -> tuple[str, tuple[str, str]]:
    """The name of a new company whose owner is logged in and whose credentials are filed, and how the owner logs in."""
    tag = secrets.token_hex(4)
    company, email, password = (
        f"Demo Roofing {tag}",
        f"owner-{tag}@demo-roofing.example",
        secrets.token_urlsafe(18),
    )
    profile = {
        "company_name": company,
        "email": email,
        "city": place.city,
        "state": place.state,
        "service_areas": [{"city": place.city, "state": place.state, "radius_miles": 25}],
        "services_offered": ["roofing"],
        "roof_types": ["residential"],
    }
    form = {"email": email, "password": password, "full_name": "Dana Demo", "company": profile}
    # 409: an answer was lost, the account of the first try is there.
    await marketplace.ask("POST", "/api/auth/register", json=form, accept=(httpx.codes.CONFLICT,))
    user = await marketplace.log_in(email, password)
    await credential_sandbox_buyer(UUID(user["contractor_id"]))
    return company, (email, password)


async def credential_sandbox_buyer(contractor_id: UUID) -> None:
    """File for a signed-up company of a sandbox town what the seed files for sandbox buyers; audited.

    InvalidInput in production and for every other company: nobody has checked those.
    """
    settings = Settings()
    if settings.production:
        raise InvalidInput("credentials are checked by people in production")
    actor = Actor(role=Role.OPS, subject="operator:demo")
    engine = make_engine(settings.database_url, application_name="ridgeline-demo")
    try:
        async with UnitOfWorkFactory(make_session_maker(engine))() as uow:
            agreement = policy_at(await uow.database_now()).sale["agreement_version"]
            filed = await uow.session.execute(CREDENTIAL, {"id": contractor_id})
            if filed.one_or_none() is None:
                raise InvalidInput(f"{contractor_id} did not sign up in a sandbox town")
            checks = {"id": contractor_id, "agreement_version": agreement}
            await uow.session.execute(BUYER_CHECKS, checks)
            await audit.record(
                uow.session,
                actor,
                "contractor.credential",
                service="contractor_acquisition",
                object_type="contractor",
                object_id=contractor_id,
                fields=["credential_status", "credential_checked_at"],
                reason="sandbox statement of the demo",
            )
    finally:
        await engine.dispose()


async def _settled(marketplace: Marketplace, sale: dict[str, Any]) -> dict[str, Any]:
    """The sale once its charge is decided; UpstreamFailed unless it is sold."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sale["status"] in UNSETTLED and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        sale = await marketplace.ask("GET", f"/api/sales/{sale['sale_id']}")
    if sale["status"] != "sold":
        raise UpstreamFailed(
            f"the sale ended as {sale['status']}: {sale['decline_reason'] or 'no reason given'}"
        )
    return sale


def _words(answer: httpx.Response) -> str:
    """The problem's own words."""
    try:
        problem = answer.json()
    except ValueError:
        return f"status {answer.status_code}"
    reasons = ", ".join(problem.get("reasons", ()))
    return f"{problem.get('detail', answer.status_code)}{f' ({reasons})' if reasons else ''}"
