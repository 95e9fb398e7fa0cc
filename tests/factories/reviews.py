"""Analyses that wait for reviewers, and the reviewers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference.app import service as complete
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_lead, make_user
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.single_step import begin, run_step

# Reviewers need no model: without its process the service starts at once.
service = replace(complete, own=None)
DOUBTFUL = {"condition": "fair", "confidence": 0.55, "familiar": True, "domain": "rendered"}
ANALYSIS = text(
    """
    INSERT INTO roof_analysis (base_lead_id, overall_condition, calibrated_confidence, is_current, image_domain,
                               class_probabilities, evidence, classifier_sha256)
    VALUES (:lead, :condition, :confidence, true, :domain, CAST(:probabilities AS jsonb), CAST(:evidence AS jsonb), 'w1')
    RETURNING id
    """
)
CANCEL = text(
    "UPDATE core.workflow SET status = 'cancelled' WHERE subject_id = :lead AND kind = :kind AND status = 'running'"
)
SETTLING = text(
    "SELECT id FROM core.workflow WHERE kind = 'settle_review' AND subject_id = :task AND status = 'running'"
)


async def make_analysis(session: AsyncSession, lead_id: UUID, **changes: Any) -> UUID:
    """A current analysis: fair, 0.55, of rendered pictures."""
    values: dict[str, Any] = {
        "condition": "fair",
        "confidence": 0.55,
        "domain": "rendered",
        "probabilities": None,
        "evidence": None,
        **changes,
    }
    for name in ("probabilities", "evidence"):
        if values[name] is not None:
            values[name] = orjson.dumps(values[name]).decode()
    found: UUID = (await session.execute(ANALYSIS, {**values, "lead": lead_id})).scalar_one()
    return found


@dataclass
class Desk:
    """The service with its reviewers."""

    door: RunningService
    db: SessionMaker
    people: dict[str, UUID] = field(default_factory=dict)

    async def wait(self, answer: Mapping[str, Any] = DOUBTFUL, **lead: Any) -> tuple[UUID, Row[Any]]:
        """A lead whose analysis was validated: its workflow, and the step's row."""
        async with self.db.begin() as session:
            lead_id = await make_lead(session, self.door.resources.keys, status="processing", **lead)
            await make_analysis(
                session, lead_id, condition=answer["condition"], confidence=answer["confidence"]
            )
        return await self.validate(lead_id, answer)

    async def validate(
        self, lead_id: UUID, answer: Mapping[str, Any], *, kind: str = "property"
    ) -> tuple[UUID, Row[Any]]:
        """A new workflow in which the models gave this answer was validated: the workflow, and the step's row."""
        async with self.db.begin() as session:
            await session.execute(CANCEL, {"lead": lead_id, "kind": kind})
        workflow = await begin(self.door.resources, kind, lead_id)
        step = await run_step(service, self.door.resources, workflow, "validate", ended={"ml": answer})
        return workflow, step

    async def ask(
        self, method: str, path: str, who: str = "ann", role: Role = Role.REVIEWER, **options: Any
    ) -> httpx.Response:
        """The answer to a person's request."""
        token = self.door.user_token(role, user_id=await self._person(who))
        async with self.door.client(token=token, timeout=30) as client:
            return await client.request(method, f"/validation{path}", **options)

    async def say(self, task: str, verb: str, who: str = "ann", **body: Any) -> httpx.Response:
        """The answer to a reviewer's word."""
        return await self.ask("POST", f"/{task}/{verb}", who, json=body)

    async def queue(self, who: str = "ann", **query: Any) -> list[dict[str, Any]]:
        """What waits for a reviewer."""
        answer = await self.ask("GET", "/pending", who, params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def settle(self, task: str) -> None:
        """Run the job that lets a decided lead go on."""
        async with self.db() as session:
            workflow = (await session.execute(SETTLING, {"task": UUID(task)})).scalar_one()
        runner = StepRunner(self.door.resources, service.steps, worker="w", lease_seconds=30)
        assert await runner.run(workflow, "settle_review")

    async def row(self, statement: str, **values: Any) -> tuple[Any, ...]:
        """The one row of a statement."""
        async with self.db() as session:
            return tuple((await session.execute(text(statement), values)).one())

    async def _person(self, who: str) -> UUID:
        if who not in self.people:
            async with self.db.begin() as session:
                self.people[who] = await make_user(session, role="reviewer")
        return self.people[who]


@asynccontextmanager
async def open_desk(
    database_url: str, redis_url: str, db: SessionMaker, **changes: Any
) -> AsyncIterator[Desk]:
    """A desk where one word decides and cannot be taken back, unless the settings say otherwise."""
    settings = settings_with_keys(
        MlInferenceSettings,
        database_url=database_url,
        redis_url=redis_url,
        port_base=1,
        double_review_share=0.0,
        undo_seconds=0.0,
        **changes,
    )
    async with running(service, settings) as door:
        yield Desk(door, db)
