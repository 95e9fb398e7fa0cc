"""Reviewing by API and by page, with the reviewer's own token; and the pictures both show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import insert, select, text

from services.image_processor.api import images
from services.image_processor.own import open_own
from services.image_processor.settings import ImageProcessorSettings
from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from services.ml_inference.api import validation
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.db.models.imagery import ValidationTask
from shared.runtime import Service
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_lead, make_user
from tests.factories.roof_evidence import drawn, make_analysis, make_pictures, picture_key
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin
from tests.factories.town import serving_town

REVIEWS = Service(
    name="ml_inference", summary="Reviews.", settings=MlInferenceSettings, routers=[validation.router]
)
PICTURES = Service(
    name="image_processor",
    summary="Pictures.",
    settings=ImageProcessorSettings,
    routers=[images.router],
    own=open_own,
)
HOSTILE = '"><script>alert(1)</script>\u202e\' onload="alert(2)'


@dataclass
class Desk:
    """The marketplace with its neighbours, and two reviewers."""

    door: RunningService
    db: SessionMaker
    store: Any
    people: dict[str, UUID]

    async def task(self, *, reasons: tuple[str, ...] = ("calibrated confidence 0.62",), **lead: Any) -> UUID:
        async with self.db.begin() as session:
            lead_id = await make_lead(session, self.door.resources.keys, **lead)
            pictures = await make_pictures(session, lead_id)
            analysis = await make_analysis(session, lead_id, pictures)
        for angle, file in drawn().files.items():
            await self.store.put(picture_key(lead_id, angle), file)
        workflow = await begin(self.door.resources, "property", lead_id)
        async with self.db.begin() as session:
            values = {"roof_analysis_id": analysis, "workflow_id": workflow, "reasons": list(reasons)}
            made = insert(ValidationTask).values(base_lead_id=lead_id, **values).returning(ValidationTask.id)
            found: UUID = (await session.execute(made)).scalar_one()
        return found

    async def ask(
        self, method: str, path: str, who: str = "ann", role: Role = Role.REVIEWER, **options: Any
    ) -> httpx.Response:
        token = self.door.user_token(role, user_id=self.people[who])
        async with self.door.client(token=token, timeout=30) as client:
            return await client.request(method, path, **options)


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Desk]:
    servers = {"database_url": database_url, "redis_url": redis_url}
    kept = settings_with_keys(ImageProcessorSettings, **servers, object_store_url=tmp_path.as_uri())
    asked = settings_with_keys(MlInferenceSettings, **servers, double_review_share=0.0)
    async with running(REVIEWS, asked) as reviews, running(PICTURES, kept) as pictures:
        neighbours = {"ml_inference": reviews, "image_processor": pictures}
        async with running(
            service, settings_with_keys(MarketplaceSettings, **servers), neighbours=neighbours
        ) as door:
            async with committed_db.begin() as session:
                people = {name: await make_user(session, role=UserRole.REVIEWER) for name in ("ann", "bob")}
            yield Desk(door, committed_db, pictures.resources.own.store, people)


async def test_a_word_by_api_counts_once_under_the_reviewers_name(desk: Desk) -> None:
    task = await desk.task()
    listed = (await desk.ask("GET", "/api/review/tasks")).json()["items"]
    held = await desk.ask("POST", f"/api/review/tasks/{task}/claim")
    refused = await desk.ask("POST", f"/api/review/tasks/{task}/approve", "bob", json={})
    given = await desk.ask("POST", f"/api/review/tasks/{task}/approve", json={"condition": "fair"})
    again = await desk.ask("POST", f"/api/review/tasks/{task}/reject", json={"notes": "another house"})
    undone = await desk.ask("POST", f"/api/review/tasks/{task}/undo")
    other = await desk.ask("POST", f"/api/review/tasks/{task}/reject", json={"notes": "another house"})

    assert [item["id"] for item in listed] == [str(task)]
    answers = (held, refused, given, again, undone, other)
    assert [answer.status_code for answer in answers] == [204, 409, 200, 409, 200, 200]
    assert refused.json()["code"] == "review-task-held"
    async with desk.db() as session:
        rows = (
            await session.execute(
                text("SELECT reviewer_id, verdict, undone_at IS NULL FROM reviews ORDER BY created_at")
            )
        ).all()
    assert [tuple(row) for row in rows] == [
        (desk.people["ann"], "approved", False),
        (desk.people["ann"], "rejected", True),
    ]


@pytest.mark.parametrize("role", [Role.CONTRACTOR_OWNER, Role.CONTRACTOR_MEMBER])
async def test_whoever_buys_does_not_review(desk: Desk, role: Role) -> None:
    task = await desk.task()
    paths = ("/review", f"/review/{task}", f"/review/{task}/part", "/review/progress", "/api/review/stats")

    assert [(await desk.ask("GET", path, role=role)).status_code for path in paths] == [403] * 5


async def test_a_service_does_not_review_for_anybody(desk: Desk) -> None:
    task = await desk.task()
    async with desk.door.client(token=desk.door.service_token("lead_generator")) as client:
        answer = await client.post(f"/api/review/tasks/{task}/approve", json={})

    assert answer.status_code == 403


async def test_hostile_words_stay_words_in_the_console(desk: Desk) -> None:
    task = await desk.task(address=HOSTILE, reasons=(HOSTILE,))

    part = await desk.ask("GET", f"/review/{task}/part", headers={"accept": "text/html"})

    assert part.status_code == 200
    assert "&lt;script&gt;alert(1)" in part.text
    assert "<script" not in part.text
    assert 'onload="alert' not in part.text


async def test_a_picture_that_no_model_has_seen_is_shown_without_marks(desk: Desk) -> None:
    task = await desk.task()
    async with desk.db.begin() as session:
        held = select(ValidationTask.base_lead_id).where(ValidationTask.id == task)
        lead_id = (await session.execute(held)).scalar_one()
        unseen, _ = await make_pictures(session, lead_id, capture_date=date(2020, 1, 1))

    part = await desk.ask("GET", f"/review/{task}/part", headers={"accept": "text/html"})

    assert part.status_code == 200
    assert f"/images/{unseen}" in part.text


async def test_an_empty_queue_says_so(desk: Desk) -> None:
    page = await desk.ask("GET", "/review")

    assert page.status_code == 200
    assert "Nothing waits for you" in page.text


async def picture_of(desk: Desk, angle: str) -> UUID:
    async with desk.db() as session:
        statement = text("SELECT id FROM property_images WHERE view_angle = :angle")
        found: UUID = (await session.execute(statement, {"angle": angle})).scalar_one()
    return found


async def test_a_kept_picture_is_passed_on_to_whoever_may_review(desk: Desk) -> None:
    await desk.task()
    image = await picture_of(desk, "overhead")
    seen = await desk.ask("GET", f"/images/{image}")
    buyer = await desk.ask("GET", f"/images/{image}", role=Role.CONTRACTOR_OWNER)
    missing = await desk.ask("GET", f"/images/{uuid4()}")
    async with desk.door.client() as nobody:
        closed = await nobody.get(f"/images/{image}")

    assert (seen.content, seen.headers["content-type"]) == (
        next(iter(drawn().files.values())),
        "image/jpeg",
    )
    assert seen.headers["cache-control"].startswith("private")
    assert [each.status_code for each in (buyer, missing, closed)] == [403, 404, 401]


async def test_a_picture_that_is_only_shown_is_fetched_from_its_vendor(
    database_url: str,
    redis_url: str,
    redis: Redis,
    committed_db: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with serving_town() as town:
        monkeypatch.setenv("SANDBOX_URL", town.url)
        monkeypatch.setenv("GOOGLE_STATIC_API_KEY", "sandbox")
        async with (
            running(PICTURES, settings_with_keys(ImageProcessorSettings, **servers)) as pictures,
            running(
                service,
                settings_with_keys(MarketplaceSettings, **servers, sandbox_url=town.url),
                neighbours={"image_processor": pictures},
            ) as door,
        ):
            async with committed_db.begin() as session:
                people = {"ann": await make_user(session, role=UserRole.REVIEWER)}
                lead_id = await make_lead(session, door.resources.keys)
                live = {"s3_key": None, "source": "google_static", "licence_id": "google_maps"}
                address = "/maps/api/staticmap?center=32.4,-98.9&zoom=20&size=640x640&maptype=satellite"
                image, _ = await make_pictures(session, lead_id, **live, original_url=address)
            desk = Desk(door, committed_db, None, people)
            answer = await desk.ask("GET", f"/images/{image}")
            async with door.client() as nobody:
                page = await nobody.get("/login")

    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{town.url}/google_static/")
    assert answer.headers["cache-control"] == "no-store"
    images_from = page.headers["content-security-policy"].partition("img-src ")[2].partition(";")[0]
    assert town.url in images_from.split()
