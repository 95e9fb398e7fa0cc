"""Pictures that somebody orders, and the addresses at which they can be seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.image_processor.app import service
from services.image_processor.settings import ImageProcessorSettings
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.leads import make_lead
from tests.factories.services import RunningService, call, running, settings_with_keys
from tests.factories.single_step import run_step
from tests.factories.town import ServedTown, serving_town

OPERATOR = UUID(int=1)


@dataclass
class Desk:
    """The image processor's door, and one house of the town."""

    door: RunningService
    db: SessionMaker
    town: ServedTown
    lead_id: UUID
    point: dict[str, float]

    async def order(self, path: str, *, key: str = "", **body: Any) -> httpx.Response:
        """The answer to an order."""
        headers = {"idempotency-key": key or uuid4().hex}
        async with self.door.client(token=self.door.user_token(Role.OPS, user_id=OPERATOR)) as client:
            return await client.post(f"/images/{path}", json=body, headers=headers)

    async def look(self, path: str) -> httpx.Response:
        """The answer to a question."""
        answer: httpx.Response = await call(self.door, "GET", f"/images/{path}")
        return answer

    async def done(self, answer: httpx.Response, step: str) -> Any:
        """The job's step after a worker ran it."""
        assert answer.status_code == 202, answer.text
        return await run_step(service, self.door.resources, UUID(answer.json()["job_id"]), step)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.db.begin() as session:
            return list((await session.execute(text(statement), values)).all())

    async def image(self, source: str) -> UUID:
        """One picture of a source."""
        rows = await self.rows("SELECT id FROM property_images WHERE source = :source LIMIT 1", source=source)
        found: UUID = rows[0].id
        return found


@pytest.fixture
async def desk(  # noqa: PLR0917 - fixtures are asked for by name
    database_url: str,
    redis_url: str,
    redis: Any,
    committed_db: SessionMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    """A lead on a house that a car passed and a plane saw."""
    del redis
    async with serving_town() as town:
        monkeypatch.setenv("SANDBOX_URL", town.url)
        settings = settings_with_keys(
            ImageProcessorSettings,
            database_url=database_url,
            redis_url=redis_url,
            sandbox_url=town.url,
            object_store_url=tmp_path.as_uri(),
        )
        roofs = town.town().roofs
        building = next(b for b, s in enumerate(roofs.seed) if int(s) % 100 > 20 and int(s) // 100 % 100 > 20)
        house = town.town().house(town.town().first_parcel(building))
        point = {"lat": house.latitude, "lng": house.longitude}
        async with running(service, settings) as door:
            async with committed_db.begin() as session:
                lead_id = await make_lead(session, door.resources.keys, sandbox=True, **point)
            yield Desk(door, committed_db, town, lead_id, point)


async def test_a_picture_from_above_is_ordered_once_and_fetched(desk: Desk) -> None:
    first = await desk.order("satellite", key="order-0001", property_id=str(desk.lead_id), **desk.point)
    again = await desk.order("satellite", key="order-0001", property_id=str(desk.lead_id), **desk.point)
    other = await desk.order("satellite", key="order-0001", property_id=str(desk.lead_id))
    step = await desk.done(first, "fetch_satellite")

    assert first.json() == again.json()
    assert first.json()["new"] is True
    assert other.status_code == 422
    assert (step.status, step.output["images"]) == ("done", 1)
    kept = await desk.rows("SELECT DISTINCT image_type FROM property_images WHERE s3_key IS NOT NULL")
    assert [row.image_type for row in kept] == ["satellite"]


async def test_only_the_sides_that_were_ordered_are_fetched(desk: Desk) -> None:
    answer = await desk.order("streetview", property_id=str(desk.lead_id), angles=["front", "back", "left"])
    await desk.done(answer, "fetch_street_view")

    rows = await desk.rows("SELECT view_angle, heading, gsd_m, capture_date FROM property_images")
    assert {row.view_angle for row in rows} <= {"front", "rear", "left"}
    assert "front" in {row.view_angle for row in rows}
    assert all(row.heading is not None and row.gsd_m > 0 and row.capture_date for row in rows)


async def test_a_batch_is_one_job_with_a_workflow_for_each_lead(desk: Desk) -> None:
    stranger = str(uuid4())
    answer = await desk.order(
        "batch/download", property_ids=[str(desk.lead_id), stranger], image_types=["satellite"]
    )
    await desk.done(answer, "fetch_image_batch")
    [trail] = await desk.rows("SELECT object_id FROM audit_log WHERE action = 'job.start'")
    assert trail.object_id == answer.json()["job_id"]

    assert (answer.json()["accepted"], answer.json()["unknown"]) == (1, [stranger])
    (child,) = await desk.rows(
        "SELECT kind, subject_id, input FROM core.workflow WHERE parent_id IS NOT NULL"
    )
    assert (child.kind, child.subject_id, child.input["views"]) == (
        "fetch_images",
        desk.lead_id,
        ["satellite"],
    )


NONSENSE: list[tuple[str, dict[str, Any], int]] = [
    ("satellite", {"property_id": str(uuid4())}, 404),
    ("satellite", {"lat": 30.0}, 422),
    ("satellite", {"lat": 33.5, "lng": -98.9}, 422),
    ("satellite", {"lat": 48.85, "lng": 2.35}, 422),
    ("streetview", {"angles": ["overhead"]}, 422),
    ("streetview", {"angles": ["below"]}, 422),
    ("streetview", {"angles": []}, 422),
    ("batch/download", {"property_ids": []}, 422),
    ("batch/download", {"property_ids": [str(uuid4())]}, 422),
    ("batch/download", {"property_ids": [str(uuid4())], "image_types": ["super_res"]}, 422),
]


async def test_an_order_that_makes_no_sense_is_refused(desk: Desk) -> None:
    mine = {"property_id": str(desk.lead_id)}
    answers = [
        await desk.order(path, **({} if path.startswith("batch") else mine) | body)
        for path, body, _ in NONSENSE
    ]

    assert [answer.status_code for answer in answers] == [status for _, _, status in NONSENSE]
    assert await desk.rows("SELECT 1 FROM core.workflow") == []


async def test_a_kept_picture_is_seen_for_five_minutes_by_a_link_and_by_no_other(desk: Desk) -> None:
    await desk.done(await desk.order("satellite", property_id=str(desk.lead_id)), "fetch_satellite")
    image = await desk.image("naip")
    (row,) = await desk.rows("SELECT s3_key FROM property_images WHERE id = :id", id=image)
    known = (await desk.look(f"{image}")).json()
    link = (await desk.look(f"{image}/url")).json()
    path = httpx.URL(link["url"]).raw_path.decode()
    given = dict(httpx.URL(link["url"]).params)
    async with desk.door.client() as nobody:
        seen = await nobody.get(path)
        forged = await nobody.get(path.replace("signature=", "signature=0")[:-1])
        later = await nobody.get(path, params={**given, "expires": str(int(given["expires"]) + 60)})
        ended = await nobody.get(
            f"/images/{image}/file", params=_signed(desk, image, row.s3_key, expires=1_700_000_000)
        )
        without = await nobody.get(f"/images/{image}/url")

    assert seen.content == await desk.door.resources.own.store.get(row.s3_key)
    assert seen.headers["content-type"] == "image/jpeg"
    assert 0 < int(given["expires"]) - desk.door.resources.clock().timestamp() <= 300
    assert (forged.status_code, later.status_code, ended.status_code, without.status_code) == (
        403,
        403,
        403,
        401,
    )
    assert ended.json()["code"] == "link-refused"
    assert (known["source"], known["licence_id"], known["level"], known["kept"]) == (
        "naip",
        "us_public_domain",
        "roof",
        True,
    )
    assert not {"s3_key", "original_url"} & set(known)
    assert link["attribution"] == "USDA NAIP"


def _signed(desk: Desk, image: UUID, key: str, *, expires: int) -> dict[str, Any]:
    """What a link of our own that has ended looks like."""
    signature = desk.door.resources.keys.tag("image-link", f"{image}:{key}:{expires}")
    return {"expires": expires, "signature": signature}


async def test_a_picture_that_is_only_shown_has_its_vendors_address_and_a_price(desk: Desk) -> None:
    await desk.done(await desk.order("satellite", property_id=str(desk.lead_id)), "fetch_satellite")
    image = await desk.image("google_static")
    link = (await desk.look(f"{image}/url")).json()
    nothing = await call(
        desk.door, "GET", f"/images/{image}/file", params={"expires": 1, "signature": "0" * 64}
    )

    assert link["url"].startswith(f"{desk.town.url}/google_static/maps/api/staticmap?")
    assert (link["served_by"], link["attribution"], link["expires_at"]) == ("google_static", "Google", None)
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(link["url"])).headers["content-type"] == "image/jpeg"
    assert nothing.status_code == 403
    (spent,) = await desk.rows("SELECT sum(spent) AS usd FROM core.budget WHERE scope LIKE 'lead:%'")
    assert float(spent.usd) == pytest.approx(0.002)


async def test_a_licence_that_ended_closes_the_picture(desk: Desk) -> None:
    await desk.done(await desk.order("satellite", property_id=str(desk.lead_id)), "fetch_satellite")
    image = await desk.image("naip")
    await desk.rows(
        "UPDATE compliance.source_registry SET may_display = false WHERE source_key = 'naip' RETURNING 1"
    )
    refused = await desk.look(f"{image}/url")
    buyer = await call(desk.door, "GET", f"/images/{image}", role=Role.CONTRACTOR_OWNER)
    nobody = await desk.look(f"{uuid4()}/url")

    assert (refused.status_code, buyer.status_code, nobody.status_code) == (403, 403, 404)
