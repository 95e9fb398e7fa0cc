"""The typed client of the orchestrator's schedule."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from shared.http.clients.base import ServiceClient

SERVICE = "orchestrator"


class ScheduledJob(BaseModel):
    """A scheduled job with its last and next run."""

    job: str
    service: str
    kind: str
    cron: str
    tz: str
    enabled: bool
    description: str | None
    last_due_at: datetime | None
    last_status: str | None
    last_workflow_id: UUID | None
    next_due_at: datetime | None


class ScheduleClient:
    """Scheduled jobs, asked of the service that owns them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def jobs(self) -> list[ScheduledJob]:
        """Every scheduled job."""
        return [ScheduledJob.model_validate(row) for row in await self._client.get("/jobs/scheduled")]

    async def trigger(self, job: str, *, idempotency_key: str) -> UUID:
        """Run a job now; the workflow that runs it."""
        path = f"/jobs/{quote(job, safe='')}/trigger"
        answer = await self._client.command("POST", path, idempotency_key=idempotency_key)
        return UUID(answer["workflow_id"])
