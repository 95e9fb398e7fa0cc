"""The typed client of the review queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from shared.http.clients.base import ServiceClient
from shared.schemas.page import Page
from shared.schemas.review import PendingTask, ReviewAnswer, ReviewStats, TaskDetail

SERVICE = "ml_inference"


class ReviewsClient:
    """The review queue, asked of the service that owns it."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def pending(self, query: Mapping[str, Any]) -> Page[PendingTask]:
        """A page of tasks that wait for this reviewer."""
        return Page[PendingTask].model_validate(await self._client.get("/validation/pending", params=query))

    async def task(self, task_id: UUID) -> TaskDetail:
        """One task with all that a reviewer looks at."""
        return TaskDetail.model_validate(await self._client.get(f"/validation/{task_id}"))

    async def stats(self) -> ReviewStats:
        """The queue and the people at it."""
        return ReviewStats.model_validate(await self._client.get("/validation/stats"))

    async def claim(self, task_id: UUID) -> datetime:
        """Hold a task; until when."""
        return datetime.fromisoformat((await self._say(task_id, "claim"))["claimed_until"])

    async def approve(self, task_id: UUID, word: Mapping[str, Any]) -> ReviewAnswer:
        """Approve an analysis, corrected where the word says so."""
        return ReviewAnswer.model_validate(await self._say(task_id, "approve", word))

    async def reject(self, task_id: UUID, word: Mapping[str, Any]) -> ReviewAnswer:
        """Reject an analysis."""
        return ReviewAnswer.model_validate(await self._say(task_id, "reject", word))

    async def undo(self, task_id: UUID) -> ReviewAnswer:
        """Take one's last word back."""
        return ReviewAnswer.model_validate(await self._say(task_id, "undo"))

    async def _say(self, task_id: UUID, verb: str, body: Mapping[str, Any] | None = None) -> Any:
        path = f"/validation/{task_id}/{verb}"
        return await self._client.command("POST", path, json=body, idempotency_key=uuid4().hex)
