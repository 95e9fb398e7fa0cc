"""The typed clients of what runs: workflows and cities at the orchestrator, sources at the scraper."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid4

from shared.http.clients.base import ServiceClient
from shared.schemas.operations import (
    CityLine,
    CityProgress,
    DeadLetter,
    QueueReport,
    SourceLine,
    Switch,
    WorkflowDetail,
    WorkflowLine,
)

SERVICE: Final = "orchestrator"
SOURCES: Final = "scraper"


def _city(city: str, state: str) -> str:
    return f"/cities/{quote(city, safe='')}/{quote(state, safe='')}"


class OperationsClient:
    """Cities, workflows and dead letters, asked of the service that owns them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def cities(self) -> list[CityLine]:
        """Every target city, active ones first."""
        return [CityLine.model_validate(each) for each in await self._client.get("/cities")]

    async def progress(self, city: str, state: str) -> CityProgress:
        """How far a city's newest activation is."""
        return CityProgress.model_validate(await self._client.get(f"{_city(city, state)}/progress"))

    async def activate(self, city: str, state: str) -> None:
        """Activate a city; while that runs, once more changes nothing."""
        await self._say(f"{_city(city, state)}/activate", {})

    async def deactivate(self, city: str, state: str) -> None:
        """Stop a city's work and keep its data."""
        await self._say(f"{_city(city, state)}/deactivate")

    async def workflows(
        self, *, status: str | None = None, kind: str | None = None, limit: int = 50
    ) -> list[WorkflowLine]:
        """The newest workflows of a status and kind, the open ones where no status is named."""
        wanted = {"status": status, "kind": kind}
        params = {"limit": limit, **{key: value for key, value in wanted.items() if value}}
        found = await self._client.get("/workflows", params=params)
        return [WorkflowLine.model_validate(each) for each in found]

    async def workflow(self, workflow_id: UUID) -> WorkflowDetail:
        """One workflow with its steps and tries."""
        return WorkflowDetail.model_validate(await self._client.get(f"/workflows/{workflow_id}"))

    async def act(self, workflow_id: UUID, verb: str) -> None:
        """Cancel, retry, pause or resume a workflow."""
        await self._say(f"/workflows/{workflow_id}/{verb}")

    async def queues(self) -> QueueReport:
        """What waits in each queue, and how many dead letters are open."""
        return QueueReport.model_validate(await self._client.get("/queues"))

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """Open dead letters, newest first."""
        found = await self._client.get("/dead-letters", params={"limit": limit})
        return [DeadLetter.model_validate(each) for each in found]

    async def redrive(self, letter_id: UUID) -> None:
        """Drive a dead letter again."""
        await self._say(f"/dead-letters/{letter_id}/redrive")

    async def dismiss(self, letter_id: UUID, reason: str) -> None:
        """Close a dead letter without another try."""
        await self._say(f"/dead-letters/{letter_id}/dismiss", {"reason": reason})

    async def switches(self) -> list[Switch]:
        """Every feature flag."""
        found = await self._client.get("/config/features")
        return [Switch.model_validate({"key": key, **each}) for key, each in found.items()]

    async def turn(self, key: str, *, on: bool) -> None:
        """Turn a feature flag on or off."""
        await self._client.command("PATCH", "/config/features", json={key: on}, idempotency_key=uuid4().hex)

    async def _say(self, path: str, body: Any = None) -> Any:
        return await self._client.command("POST", path, json=body, idempotency_key=uuid4().hex)


class SourcesClient:
    """The health of sources, asked of the service that reads them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def health(self) -> list[SourceLine]:
        """Every source of the active cities and every storm feed, worst first."""
        return [SourceLine.model_validate(each) for each in await self._client.get("/sources/health")]
