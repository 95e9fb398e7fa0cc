"""The marketplace on real storage: its log-in beside contractor_acquisition, its sales on the sandbox's Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text, update

from services.contractor_acquisition.app import service as contractor_acquisition
from services.contractor_acquisition.settings import Settings as ContractorSettings
from services.marketplace.api import accounts, auth, contractors, people
from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.app import service
from services.marketplace.jobs import STEPS
from services.marketplace.own import open_own
from services.marketplace.settings import MarketplaceSettings
from shared.db.engine import SessionMaker
from shared.db.models.users import User
from shared.http.tls import known_authorities
from shared.runtime import Resources, Service
from shared.security.policy import Role
from shared.security.web_push import fresh_vapid_key
from shared.security.webhooks import sign_stripe
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.accounts import PASSWORD, known_hash
from tests.factories.leads import make_buyer, make_lead
from tests.factories.privacy import spread_person
from tests.factories.sandbox import running_sandbox
from tests.factories.services import RunningService, running, settings_with_keys

WEBHOOK_SECRET = "whsec_test"
PAGE = {"accept": "text/html,application/xhtml+xml"}
LINE = "HTTP/1.1 {} X\r\ncontent-length: 0\r\nconnection: close\r\nset-cookie: a=b\r\nlocation: http://10.0.0.1/\r\n\r\n"
DOOR = Service(
    name="marketplace",
    summary="Log-in and contractors.",
    settings=MarketplaceSettings,
    routers=[auth.router, accounts.router, people.router, people.desk_router, contractors.router],
    own=open_own,
    accepts_cookies=True,
)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox of this run; it sends no webhooks by itself."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@dataclass
class Market:
    """The marketplace with one lead on sale and one buyer."""

    door: RunningService
    town: str
    lead_id: UUID
    contractor_id: UUID
    user_id: UUID

    @property
    def resources(self) -> Resources:
        """What the service works on."""
        return self.door.resources

    def client(self) -> httpx.AsyncClient:
        """The buyer's HTTP client."""
        token = self.door.user_token(
            Role.CONTRACTOR_OWNER, contractor_id=self.contractor_id, user_id=self.user_id
        )
        return self.door.client(token=token, timeout=30)

    async def buy(
        self, lead_id: UUID | None = None, *, card: str = "pm_card_visa", key: str = ""
    ) -> httpx.Response:
        """The answer to a purchase."""
        async with self.client() as client:
            return await client.post(
                f"/api/leads/{lead_id or self.lead_id}/purchase",
                json={"payment_method": card},
                headers={"Idempotency-Key": key or uuid4().hex},
            )

    def runner(self) -> StepRunner[Resources]:
        """A worker of its own."""
        return StepRunner(self.resources, STEPS, worker="test-worker", lease_seconds=30)

    async def fault(self, **fault: Any) -> None:
        """Let the town's Stripe misbehave next time."""
        async with httpx.AsyncClient(verify=known_authorities()) as client:
            (await client.post(f"{self.town}/_sandbox/stripe/next", json=fault)).raise_for_status()

    async def hanging_sale(self, db: SessionMaker) -> UUID:
        """A sale reserved 16 minutes ago whose charge never ran."""
        sale_id = uuid4()
        async with db.begin() as session:
            await session.execute(
                text(
                    """
                    INSERT INTO sales (id, base_lead_id, contractor_id, user_id, price, reserved_at, reserved_until)
                    VALUES (:id, :lead, :contractor, :user, 175, now() - interval '16 minutes',
                            now() - interval '1 minute')
                    """
                ),
                {
                    "id": sale_id,
                    "lead": self.lead_id,
                    "contractor": self.contractor_id,
                    "user": self.user_id,
                },
            )
            await session.execute(
                text("UPDATE base_leads SET status = 'reserved', sale_id = :id WHERE id = :lead"),
                {"id": sale_id, "lead": self.lead_id},
            )
            await start(session, "sale", subject_id=sale_id, input={"payment_method": "pm_card_visa"})
        return sale_id

    async def settle(self, db: SessionMaker) -> None:
        """Run the job that decides hanging sales once."""
        async with db.begin() as session:
            run = await start(session, "settle_sales", subject_id=uuid4())
        assert await self.runner().run(run.workflow_id, "settle_sales")

    async def webhook(self, body: bytes) -> httpx.Response:
        """The answer to a signed event of Stripe."""
        header = sign_stripe(body, WEBHOOK_SECRET, now=self.resources.clock())
        async with self.door.client() as client:
            return await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": header})

    async def charges(self) -> list[dict[str, Any]]:
        """Every charge the town's Stripe knows."""
        async with httpx.AsyncClient(verify=known_authorities()) as client:
            answer = (await client.get(f"{self.town}/_sandbox/stripe/charges")).raise_for_status().json()
        found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["charges"]
        return found


@dataclass
class Receiver:
    """A server on loopback that answers what it is told, 200 afterwards, and keeps one record a delivery id."""

    url: str = ""
    answers: list[int | str] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def records(self) -> set[str]:
        """The delivery ids it has seen."""
        return {headers["idempotency-key"] for headers, _ in self.received}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((headers, body))
        answer = self.answers.pop(0) if self.answers else 200
        if answer != "drop":
            writer.write(LINE.format(answer).encode())
            await writer.drain()
        writer.close()


@dataclass
class Browser:
    """A logged-in contractor's browser."""

    http: httpx.AsyncClient
    lead_id: UUID

    async def pay(self, **changes: str) -> httpx.Response:
        """The answer to the confirmation form."""
        form = {
            "csrf_token": self.http.cookies[CSRF_COOKIE],
            "key": uuid4().hex,
            "price": "175.00",
            "payment_method": "pm_card_visa",
            **changes,
        }
        return await self.http.post(f"/leads/{self.lead_id}/buy", data=form)

    async def send(self, path: str, **form: str) -> httpx.Response:
        """The answer to a form of a page."""
        return await self.http.post(path, data={"csrf_token": self.http.cookies[CSRF_COOKIE], **form})


async def rows(db: SessionMaker, statement: str, **values: Any) -> list[Any]:
    """The rows of a statement."""
    async with db() as session:
        return list((await session.execute(text(statement), values)).all())


async def violations(db: SessionMaker) -> dict[str, int]:
    """Every invariant that does not hold."""
    found = await rows(db, "SELECT name, violations FROM core.invariant_violations() WHERE violations > 0")
    return {row.name: row.violations for row in found}


async def let_due(db: SessionMaker) -> None:
    """Let every waiting step run now."""
    async with db.begin() as session:
        await session.execute(text("UPDATE core.step SET run_after = now() WHERE status = 'ready'"))


def stripe_event(charge_id: str, event_id: str = "evt_1", **subject: Any) -> bytes:
    """An event of Stripe about a payment."""
    return orjson.dumps(
        {
            "id": event_id,
            "type": "payment_intent.succeeded",
            "created": 1_790_000_000,
            "data": {"object": {"object": "payment_intent", "id": charge_id, **subject}},
        }
    )


@pytest.fixture
async def market(  # noqa: PLR0917 - fixtures are asked for by name
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
    town: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Market]:
    """A lead on sale and a buyer."""
    monkeypatch.setenv("SANDBOX_URL", town)
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        (await client.post(f"{town}/_sandbox/reset")).raise_for_status()
    settings = settings_with_keys(
        MarketplaceSettings,
        database_url=database_url,
        redis_url=redis_url,
        sandbox_url=town,
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        vapid_private_key=SecretStr(fresh_vapid_key()),
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            lead_id = await make_lead(session, door.resources.keys)
            contractor_id, user_id = await make_buyer(session)
        yield Market(door, town, lead_id, contractor_id, user_id)


@pytest.fixture
async def owners(
    database_url: str, redis_url: str, committed_db: SessionMaker
) -> AsyncIterator[RunningService]:
    """contractor_acquisition."""
    settings = settings_with_keys(ContractorSettings, database_url=database_url, redis_url=redis_url)
    async with running(contractor_acquisition, settings) as started:
        yield started


@pytest.fixture
async def door(
    database_url: str, redis_url: str, owners: RunningService, redis: Redis
) -> AsyncIterator[RunningService]:
    """The marketplace."""
    settings = settings_with_keys(MarketplaceSettings, database_url=database_url, redis_url=redis_url)
    async with running(DOOR, settings, neighbours={"contractor_acquisition": owners}) as started:
        yield started


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A buyer's own system, whose address is trusted; to be asked for before `market`."""
    found = Receiver()
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    found.url = f"{origin}/leads?token=t"
    monkeypatch.setenv("FETCH_TRUSTED_ORIGINS", origin)
    async with server:
        yield found


@pytest.fixture
async def browser(market: Market, committed_db: SessionMaker) -> AsyncIterator[Browser]:
    """The market's buyer, logged in by the form."""
    object.__setattr__(market.resources.settings, "cookie_secure", False)
    async with committed_db.begin() as session:
        values = {"email": "buyer@roofs.example", "password_hash": await known_hash()}
        await session.execute(update(User).where(User.id == market.user_id).values(**values))
    async with market.door.client(headers=PAGE, timeout=30) as http:
        await http.post("/login", data={"email": "buyer@roofs.example", "password": PASSWORD})
        yield Browser(http, market.lead_id)


@pytest.fixture
async def ada(market: Market, committed_db: SessionMaker) -> UUID:
    """Ada's house with its parcel, lead and aged lead; the key of the house's person."""
    object.__setattr__(market.resources.settings, "cookie_secure", False)
    async with committed_db.begin() as session:
        house, _ = await spread_person(session, market.resources.keys, market.lead_id)
    return house
