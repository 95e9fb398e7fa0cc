"""The desk of the people who run the platform: every lead and why it is one, and no person in it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from services.ml_inference.api import shown
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.runtime import Service
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from tests.factories.leads import make_lead, make_user
from tests.factories.roof_evidence import evidence_of, make_analysis, make_pictures, score_breakdown
from tests.factories.services import RunningService, running, settings_with_keys

ROOFS = Service(
    name="ml_inference",
    summary="Analyses as they are shown.",
    settings=MlInferenceSettings,
    routers=[shown.router],
)
PAGE = {"accept": "text/html"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e=HYPERLINK("x")'


@dataclass
class Desk:
    """The marketplace beside roof analysis, and an operator at it."""

    door: RunningService
    db: SessionMaker
    operator: UUID

    async def lead(self, **changes: Any) -> UUID:
        async with self.db.begin() as session:
            values = {"score_breakdown": score_breakdown(), **changes}
            return await make_lead(session, self.door.resources.keys, **values)

    def client(self, **options: Any) -> httpx.AsyncClient:
        token = self.door.user_token(Role.OPS, user_id=self.operator)
        return self.door.client(token=token, timeout=30, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        async with self.client(**options) as client:
            return await client.get(path)


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    servers = {"database_url": database_url, "redis_url": redis_url}
    async with (
        running(ROOFS, settings_with_keys(MlInferenceSettings, **servers)) as roofs,
        running(
            service, settings_with_keys(MarketplaceSettings, **servers), neighbours={"ml_inference": roofs}
        ) as door,
    ):
        async with committed_db.begin() as session:
            operator = await make_user(session, role=UserRole.OPS)
        yield Desk(door, committed_db, operator)


async def test_the_list_goes_on_where_it_ended_and_misses_nothing(desk: Desk) -> None:
    scores = [91, 82, 82, 82, 70, None]
    made = {await desk.lead(quality_score=score, status="processing") for score in scores}

    seen: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = (await desk.get(f"/api/ops/leads?limit=2&after={after}")).json()
        seen, after = [*seen, *page["items"]], page["next_after"]

    assert [lead["quality_score"] for lead in seen] == scores
    assert {UUID(lead["id"]) for lead in seen} == made


async def test_filter_and_place_stand_in_the_address(desk: Desk) -> None:
    for _ in range(51):
        await desk.lead(grade="B", city="O'Fallon & Söhne")
    await desk.lead(grade="A")

    first = await desk.get("/ops/leads?grade=B&city=&status=&min_score=", headers=PAGE)
    (further,) = re.findall(r'href="(/ops/leads\?[^"]+)">Next page', first.text)
    second = await desk.get(further.replace("&amp;", "&"), headers=PAGE)

    assert first.text.count('href="/ops/leads/') == 50
    assert second.text.count('href="/ops/leads/') == 1
    assert "grade=B" in further
    assert "Next page" not in second.text


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=82.no-uuid",
        f"after=82.{'-' * 36}",
        "grade=E",
        "limit=0",
        "limit=101",
        "min_score=101",
        "other=1",
    ],
)
async def test_a_wish_that_is_none_is_refused(desk: Desk, query: str) -> None:
    assert (await desk.get(f"/api/ops/leads?{query}")).status_code == 422


async def test_a_lead_shows_what_it_rests_on_and_no_person(desk: Desk) -> None:
    lead_id = await desk.lead(sqft=1650)
    async with desk.db.begin() as session:
        await make_analysis(session, lead_id, await make_pictures(session, lead_id))

    answer = await desk.get(f"/api/ops/leads/{lead_id}")
    page = await desk.get(f"/ops/leads/{lead_id}", headers=PAGE)

    lead = answer.json()
    assert [factor["points"] for factor in lead["score"]] == [25, 15, 15, 15, 7, 5]
    assert lead["held"] == ["owner_name"]
    assert lead["origins"]["owner_name"]["source"] == "harrow_tx_parcels"
    assert (lead["analysis"]["condition"], len(lead["analysis"]["pictures"])) == ("poor", 2)
    assert {"owner_name", "owner_email", "owner_phone", "mailing_address", "subject_id"} & set(lead) == set()
    assert "LOVELACE" not in answer.text + page.text
    for words in (
        "Score 82 of 100",
        "$9,800 to $15,900",
        "Demonstration weights",
        "order_squares",
        "us_public",
    ):
        assert words.replace("order_squares", "Order squares") in page.text


async def test_a_lead_nobody_looked_at_says_so(desk: Desk) -> None:
    page = await desk.get(f"/ops/leads/{await desk.lead()}", headers=PAGE)

    assert page.status_code == 200
    assert "Nobody has looked at this roof yet." in page.text


async def test_the_desk_works_while_roof_analysis_is_away(
    desk: Desk, database_url: str, redis_url: str
) -> None:
    lead_id = await desk.lead()
    nobody_there = settings_with_keys(
        MarketplaceSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with running(service, nobody_there) as door:
        page = await Desk(door, desk.db, desk.operator).get(f"/ops/leads/{lead_id}", headers=PAGE)

    assert page.status_code == 200
    assert "The analysis cannot be shown now" in page.text


@pytest.mark.parametrize("path", ["/ops/leads", "/ops/leads/{id}"])
async def test_hostile_words_stay_words(desk: Desk, path: str) -> None:
    breakdown = {"triggers": {"points": 5, "max": 25, "basis": HOSTILE}}
    lead_id = await desk.lead(
        address=HOSTILE, city=HOSTILE[:100], score_breakdown=breakdown, status_reason=HOSTILE
    )
    async with desk.db.begin() as session:
        pictures = await make_pictures(session, lead_id, source=HOSTILE[:100], licence_id=HOSTILE[:100])
        evidence = evidence_of(pictures, cautions=[HOSTILE], costs={HOSTILE: HOSTILE, "a": {HOSTILE: 1}})
        await make_analysis(session, lead_id, pictures, evidence=evidence.model_dump(mode="json"))
        await session.execute(
            text("UPDATE compliance.provenance SET source = :words WHERE entity_id = :id"),
            {"words": HOSTILE, "id": lead_id},
        )
        await session.execute(
            text(
                "INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_strength, trigger_date, trigger_details)"
                " VALUES (:id, 'insurance_claim', 90, now(), jsonb_build_object('declared_by', CAST(:words AS text)))"
            ),
            {"words": HOSTILE, "id": lead_id},
        )

    page = await desk.get(path.format(id=lead_id), headers=PAGE)

    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert page.text.count("<script") == page.text.count('<script src="/static/')


async def test_a_lead_that_is_none_is_not_found(desk: Desk) -> None:
    answers = [await desk.get(f"/{start}/leads/{uuid4()}") for start in ("ops", "api/ops")]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CONTRACTOR_OWNER, Role.CONTRACTOR_MEMBER])
async def test_only_operators_sit_at_the_desk(desk: Desk, role: Role) -> None:
    async with desk.door.client(token=desk.door.user_token(role)) as client:
        answers = [await client.get(path) for path in ("/ops/leads", "/api/ops/leads")]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_an_operator_who_logged_out_sees_nothing(desk: Desk) -> None:
    lead_id = await desk.lead()
    async with desk.db.begin() as session:
        await session.execute(text("UPDATE refresh_tokens SET revoked_at = now()"))

    paths = ("/api/ops/leads", f"/api/ops/leads/{lead_id}", "/review", f"/images/{uuid4()}")
    assert [(await desk.get(path)).status_code for path in paths] == [401] * 4
