"""The pages in a real Chromium: the marketplace on a port of its own, its neighbours in the same process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import insert, select, text

from services.contractor_acquisition.app import service as contractor_acquisition
from services.contractor_acquisition.settings import Settings as ContractorSettings
from services.image_processor.api import images
from services.image_processor.own import open_own
from services.image_processor.settings import ImageProcessorSettings
from services.marketplace.app import service as marketplace
from services.marketplace.settings import MarketplaceSettings
from services.ml_inference.api import shown, validation
from services.ml_inference.app import service as ml_inference
from services.ml_inference.settings import MlInferenceSettings
from services.orchestrator.app import service as orchestrator
from services.orchestrator.settings import OrchestratorSettings
from services.scraper.api import source_health
from services.scraper.settings import ScraperSettings
from shared.db.engine import SessionMaker
from shared.db.models.compliance import Provenance
from shared.db.models.imagery import RoofAnalysis, ValidationTask
from shared.db.models.leads import LeadTrigger
from shared.providers.page_reading.chromium import find_program
from shared.runtime import Service
from shared.schemas.enums import TriggerType, UserRole
from shared.security.web_push import fresh_vapid_key
from shared.workflow.runner import StepRunner
from tests.factories.accounts import PASSWORD, make_staff
from tests.factories.leads import make_lead
from tests.factories.pages import serving
from tests.factories.roof_evidence import drawn, make_analysis, make_pictures, picture_key, score_breakdown
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin

ROOFS = Service(
    name="ml_inference",
    summary="Analyses as they are shown, and the review queue; no model is run here.",
    settings=MlInferenceSettings,
    routers=[shown.router, validation.router],
)
PICTURES = Service(
    name="image_processor",
    summary="Pictures by signed links.",
    settings=ImageProcessorSettings,
    routers=[images.router],
    own=open_own,
)
SOURCES = Service(
    name="scraper", summary="Sources.", settings=ScraperSettings, routers=[source_health.router]
)
PARK = text(
    "UPDATE core.step SET status = 'waiting', waiting_for = 'review' WHERE workflow_id = :workflow AND name = 'validate'"
)
SETTLING = text("SELECT id FROM core.workflow WHERE kind = 'settle_review' AND status = 'running'")
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
AXE = Path(__file__).with_name("axe.min.js")
SIZES = {"phone": {"width": 375, "height": 740}, "desk": {"width": 1440, "height": 900}}


@dataclass
class Site:
    """The running pages, and the rows behind them."""

    url: str
    door: RunningService
    roofs: RunningService
    pictures: RunningService
    db: SessionMaker

    async def staff(self, role: UserRole) -> str:
        """Somebody who works for us."""
        async with self.db.begin() as session:
            return await make_staff(session, role)

    async def lead(self, *, analysed: bool = True, **changes: Any) -> UUID:
        """A lead of the sandbox with score, triggers, origins and, if wanted, an analysis."""
        values = {
            "score_breakdown": score_breakdown(),
            "year_built": 2001,
            "sqft": 1650,
            "sandbox": True,
            "prospect_reason": ["storm", "roof_age"],
        }
        async with self.db.begin() as session:
            lead_id = await make_lead(session, self.door.resources.keys, **values, **changes)
            for trigger, strength, details in (
                (
                    TriggerType.WEATHER_EVENT,
                    92,
                    {"event_type": "hail", "measured": "1.75 in", "distance_miles": "2.4"},
                ),
                (TriggerType.ROOF_AGE, 54, {"age_years": 22}),
            ):
                row = {"trigger_type": trigger, "trigger_strength": strength, "trigger_details": details}
                await session.execute(
                    insert(LeadTrigger).values(
                        base_lead_id=lead_id, trigger_date=datetime(2026, 4, 14, tzinfo=UTC), **row
                    )
                )
            for name in ("property_value", "year_built", "sqft"):
                origin = {"entity": "base_leads", "entity_id": lead_id, "field": name, "confidence": "0.9"}
                await session.execute(
                    insert(Provenance).values(
                        source="harrow_tx_parcels", fetched_at=datetime(2026, 10, 2, tzinfo=UTC), **origin
                    )
                )
            if analysed:
                await make_analysis(session, lead_id, await make_pictures(session, lead_id))
                for angle, file in drawn().files.items():
                    await self.pictures.resources.own.store.put(picture_key(lead_id, angle), file)
        return lead_id

    async def task(self, place: int) -> UUID:
        """A roof that waits for a reviewer, the lower its place the more urgent."""
        lead_id = await self.lead(address=f"{place} OAK ST", status="processing")
        workflow = await begin(self.roofs.resources, "property", lead_id)
        async with self.db.begin() as session:
            await session.execute(PARK, {"workflow": workflow})
            analysis = (
                await session.execute(
                    select(RoofAnalysis.id).where(
                        RoofAnalysis.base_lead_id == lead_id, RoofAnalysis.is_current
                    )
                )
            ).scalar_one()
            values = {"roof_analysis_id": analysis, "reasons": ["calibrated confidence 0.62"]}
            due_at = datetime.now(UTC) + timedelta(days=7, minutes=place)
            task: UUID = (
                await session.execute(
                    insert(ValidationTask)
                    .values(base_lead_id=lead_id, workflow_id=workflow, due_at=due_at, **values)
                    .returning(ValidationTask.id)
                )
            ).scalar_one()
        return task

    async def settle(self) -> None:
        """Let every decided task go on, as a worker does once nobody can take a word back."""
        object.__setattr__(self.roofs.resources.settings, "undo_seconds", 0.0)
        async with self.db() as session:
            settling = (await session.execute(SETTLING)).scalars().all()
        runner = StepRunner(self.roofs.resources, ml_inference.steps, worker="w", lease_seconds=30)
        for workflow in settling:
            assert await runner.run(workflow, "settle_review")


@pytest.fixture
async def site(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Site]:
    """The marketplace beside the services that its pages ask."""
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with AsyncExitStack() as stack:
        roofs = await stack.enter_async_context(
            running(ROOFS, settings_with_keys(MlInferenceSettings, **servers, double_review_share=0.0))
        )
        kept = settings_with_keys(ImageProcessorSettings, **servers, object_store_url=tmp_path.as_uri())
        pictures = await stack.enter_async_context(running(PICTURES, kept))
        owners = await stack.enter_async_context(
            running(contractor_acquisition, settings_with_keys(ContractorSettings, **servers))
        )
        work = await stack.enter_async_context(
            running(orchestrator, settings_with_keys(OrchestratorSettings, **servers))
        )
        sources = await stack.enter_async_context(
            running(SOURCES, settings_with_keys(ScraperSettings, **servers))
        )
        neighbours = {
            "ml_inference": roofs,
            "image_processor": pictures,
            "contractor_acquisition": owners,
            "orchestrator": work,
            "scraper": sources,
        }
        sandbox = os.environ.get("SANDBOX_URL")
        own: dict[str, Any] = {"vapid_private_key": SecretStr(fresh_vapid_key())}
        settings = settings_with_keys(
            MarketplaceSettings, **servers, **own, **({"sandbox_url": sandbox} if sandbox else {})
        )
        door = await stack.enter_async_context(running(marketplace, settings, neighbours=neighbours))
        url = await stack.enter_async_context(serving(door.app))
        yield Site(url, door, roofs, pictures, committed_db)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium; it refuses its own sandbox to root."""
    async with async_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = await playwright.chromium.launch(executable_path=find_program(), args=flags)
        yield started
        await started.close()


@dataclass
class Visit:
    """One person's browser: what it shows, and what went wrong in it."""

    page: Page
    site: Site
    shots: Path
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, email: str, wanted: str) -> None:
        """Come in by the door and to the wanted page."""
        await self.page.goto(f"{self.site.url}{wanted}")
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url(f"{self.site.url}{wanted}")

    async def inspect(self, name: str) -> None:
        """Keep a picture of the page; it does not scroll sideways, and axe finds nothing serious."""
        await self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
        wide = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{name} scrolls sideways by {wide} px"
        await self.page.evaluate(AXE.read_text())
        found = await self.page.evaluate("axe.run()")
        serious = [
            f"{rule['id']}: {rule['nodes'][0]['html']}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
        ]
        assert serious == []


@pytest.fixture
def visit(site: Site, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Opens a browser of one size and colour scheme; what it complains about fails the test."""
    shots = Path(os.environ.get("RIDGELINE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    shots.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def opened(size: str = "desk", **options: Any) -> AsyncIterator[Visit]:
        context: BrowserContext = await browser.new_context(viewport=SIZES[size], **options)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        visiting = Visit(page, site, shots)
        page.on("console", lambda line: _complain(visiting, line.type, line.text))
        page.on("pageerror", lambda error: visiting.complaints.append(str(error)))
        yield visiting
        await context.close()
        assert visiting.complaints == []

    return opened


def _complain(visiting: Visit, kind: str, words: str) -> None:
    if kind == "error":
        visiting.complaints.append(words)
