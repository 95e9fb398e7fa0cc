"""A reviewer's word reaches the lead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from services.lead_generator.app import service as lead_generator
from services.lead_generator.settings import LeadGeneratorSettings
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_buyer, make_lead
from tests.factories.reviews import SETTLING, service
from tests.factories.services import RunningService, running, settings_with_keys

WAITS = """
    UPDATE core.step SET status = CASE name WHEN 'validate' THEN 'waiting' ELSE 'done' END,
           waiting_for = CASE name WHEN 'validate' THEN 'review' END
     WHERE workflow_id = :workflow AND name NOT IN ('triggers', 'score', 'cluster', 'publish')
"""
ANALYSIS = """
    INSERT INTO roof_analysis (base_lead_id, workflow_id, overall_condition, confidence_score, calibrated_confidence,
                               validation_status, is_current, image_domain)
    VALUES (:lead, :workflow, 'critical', 60, 0.6, 'needs_review', true, 'rendered') RETURNING id
"""
TRIGGERS = """
    INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_date, trigger_strength, expires_at, trigger_details)
    SELECT :lead, type, now() - interval '5 days', 100, now() + interval '60 days',
           jsonb_build_object('scores_as', scores_as)
      FROM (VALUES ('weather_event', 'hail'), ('insurance_claim', 'insurance_claim')) AS found (type, scores_as)
"""
TASK = """
    INSERT INTO validation_tasks (base_lead_id, roof_analysis_id, workflow_id)
    VALUES (:lead, :analysis, :workflow) RETURNING id
"""


@dataclass
class Queue:
    """The service with one lead that waits for a reviewer."""

    door: RunningService
    publisher: RunningService
    lead_id: UUID
    workflow_id: UUID
    task_id: UUID
    reviewer_id: UUID

    async def decide(self, verb: str) -> tuple[int, str | None]:
        """The status and the code of a decision's answer."""
        token = self.door.user_token(Role.OPS, user_id=self.reviewer_id)
        async with self.door.client(token=token, timeout=30) as client:
            answer = await client.post(
                f"/validation/{self.task_id}/{verb}", json={"notes": "seen from the street"}
            )
        return answer.status_code, answer.json().get("code")

    async def settle(self) -> None:
        """Run the job that lets a decided lead go on."""
        runner = StepRunner(self.door.resources, service.steps, worker="w", lease_seconds=30)
        async with self.door.resources.unit_of_work() as uow:
            settling = (await uow.session.execute(SETTLING, {"task": self.task_id})).scalar_one()
        assert await runner.run(settling, "settle_review")

    async def publish(self) -> None:
        """Run what follows the review."""
        runner = StepRunner(self.publisher.resources, lead_generator.steps, worker="w", lease_seconds=30)
        for step in ("triggers", "score", "cluster", "publish"):
            assert await runner.run(self.workflow_id, step), step


@pytest.fixture
async def queue(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Queue]:
    """A lead whose workflow waits for a reviewer."""
    urls: dict[str, Any] = {"database_url": database_url, "redis_url": redis_url, "port_base": 1}
    async with (
        running(
            service,
            settings_with_keys(MlInferenceSettings, **urls, double_review_share=0.0, undo_seconds=0.0),
        ) as door,
        running(lead_generator, settings_with_keys(LeadGeneratorSettings, **urls)) as publisher,
    ):
        async with committed_db.begin() as session:
            lead = await make_lead(
                session,
                door.resources.keys,
                status="processing",
                property_value="900000",
                roof_age_low=24,
                roof_age_mid=25,
                roof_age_high=26,
            )
            _, reviewer = await make_buyer(session)
            started = await start(session, "property", subject_id=lead)
            ids = {"lead": lead, "workflow": started.workflow_id}
            await session.execute(text(WAITS), ids)
            await session.execute(text(TRIGGERS), ids)
            analysis = (await session.execute(text(ANALYSIS), ids)).scalar_one()
            task = (await session.execute(text(TASK), {**ids, "analysis": analysis})).scalar_one()
        yield Queue(door, publisher, lead, started.workflow_id, task, reviewer)


@pytest.mark.parametrize(("verb", "status"), [("approve", "available"), ("reject", "withdrawn")])
async def test_a_decision_moves_the_lead_once(
    queue: Queue, committed_db: SessionMaker, verb: str, status: str
) -> None:
    answers = [await queue.decide(verb) for _ in range(2)]
    await queue.settle()
    answers.append(await queue.decide(verb))
    await queue.publish()

    assert answers == [(200, None), (409, "review-task-closed"), (409, "review-task-closed")]
    async with committed_db() as session:
        lead = (await session.execute(text("SELECT status, status_reason FROM base_leads"))).one()
    assert lead.status == status, lead.status_reason
