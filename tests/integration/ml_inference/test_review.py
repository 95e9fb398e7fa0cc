"""A doubtful analysis waits for a person, whose word moves the workflow on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import Row, text

from services.ml_inference.app import service
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.leads import make_lead
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin, run_step

DOUBTFUL = {"condition": "fair", "confidence": 0.55, "familiar": True, "domain": "rendered"}


@dataclass
class Desk:
    """The service with one analysis that waits for a reviewer."""

    door: RunningService
    db: SessionMaker
    workflow: UUID
    validate: Row[Any]

    async def ask(self, method: str, path: str, role: Role = Role.ADMIN, **options: Any) -> httpx.Response:
        async with self.door.client(token=self.door.user_token(role)) as client:
            return await client.request(method, path, **options)

    async def task(self) -> str:
        return str((await self.ask("GET", "/validation/pending")).json()[0]["id"])

    async def row(self, statement: str) -> tuple[Any, ...]:
        async with self.db() as session:
            return tuple((await session.execute(text(statement), {"id": self.workflow})).one())


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    """An analysis of 0.55 confidence, validated."""
    settings = settings_with_keys(
        MlInferenceSettings, database_url=database_url, redis_url=redis_url, port_base=1
    )
    async with running(service, settings) as door:
        async with committed_db.begin() as session:
            lead_id = await make_lead(session, door.resources.keys, status="processing")
            await session.execute(
                text(
                    "INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current,"
                    " image_domain) VALUES (:id, 'fair', 0.55, true, 'rendered')"
                ),
                {"id": lead_id},
            )
        workflow = await begin(door.resources, "property", lead_id)
        step = await run_step(service, door.resources, workflow, "validate", ended={"ml": DOUBTFUL})
        yield Desk(door, committed_db, workflow, step)


async def test_a_doubtful_analysis_is_listed_with_its_reasons(desk: Desk) -> None:
    pending = (await desk.ask("GET", "/validation/pending")).json()

    assert desk.validate.status == "waiting"
    assert [(task["overall_condition"], task["reasons"]) for task in pending] == [
        ("fair", ["calibrated confidence 0.55"])
    ]


@pytest.mark.parametrize(
    ("verb", "body", "word", "condition"),
    [
        ("approve", {}, "approved", "fair"),
        ("approve", {"condition": "critical", "notes": "holes"}, "approved", "critical"),
        ("reject", {"notes": "another house"}, "rejected", "fair"),
    ],
)
async def test_a_decision_closes_the_task_and_ends_the_step(
    desk: Desk, verb: str, body: dict[str, str], word: str, condition: str
) -> None:
    task = await desk.task()

    answer = await desk.ask("POST", f"/validation/{task}/{verb}", json=body)

    assert answer.status_code == 204, answer.text
    assert await desk.row(
        "SELECT overall_condition, validation_status, human_validated FROM roof_analysis"
    ) == (
        condition,
        word,
        True,
    )
    ended = "SELECT status, output ->> 'review' FROM core.step WHERE workflow_id = :id AND name = 'validate'"
    assert await desk.row(ended) == ("done", word)
    assert await desk.row("SELECT action, object_id FROM audit_log") == (f"review.{word}", task)
    assert (await desk.ask("GET", "/validation/pending")).json() == []
    assert (await desk.ask("POST", f"/validation/{task}/{verb}", json=body)).status_code == 409


@pytest.mark.parametrize(
    ("path", "role", "body", "status"),
    [
        ("reject", Role.ADMIN, {}, 422),
        ("reject", Role.ADMIN, {"notes": "no"}, 422),
        ("approve", Role.ADMIN, {"condition": "splendid"}, 422),
        ("approve", Role.CONTRACTOR_OWNER, {}, 403),
    ],
)
async def test_a_decision_that_is_not_one_leaves_the_task_open(
    desk: Desk, path: str, role: Role, body: dict[str, str], status: int
) -> None:
    task = await desk.task()

    answer = await desk.ask("POST", f"/validation/{task}/{path}", role, json=body)

    assert answer.status_code == status
    assert await desk.task() == task


async def test_an_unknown_task_and_model_are_not_found(desk: Desk) -> None:
    assert (await desk.ask("POST", f"/validation/{uuid4()}/approve", json={})).status_code == 404
    assert (await desk.ask("GET", f"/models/{uuid4()}")).status_code == 404
    models = (await desk.ask("GET", "/models")).json()
    assert (await desk.ask("GET", f"/models/{models[0]['id']}")).json() == models[0]
