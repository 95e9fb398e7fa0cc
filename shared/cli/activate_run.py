"""Starting an activation and following it to its end."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from rich.console import Console
from rich.live import Live

from shared.cli.activate_view import changed_words, screen
from shared.cli.client import service
from shared.errors import InvalidInput, Unavailable, UpstreamFailed
from shared.http.clients.base import ServiceClient
from shared.http.tls import known_authorities
from shared.settings import Settings

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120.0
"""How long an orchestrator may be away (killed, restarting) before following gives up."""
ENDED = ("done", "failed", "cancelled")
REPLAYED = "recorded permits are replayed; this city has no such source here"

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Place:
    """A city by name and state."""

    city: str
    state: str

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place of "Austin, TX"; InvalidInput for anything else."""
        found = re.fullmatch(r"\s*([^,]{1,100}?)\s*,\s*([A-Za-z]{2})\s*", text)
        if found is None:
            raise InvalidInput(f'write the city as "Harrow, TX", not {text!r}')
        return cls(found[1], found[2].upper())

    @property
    def path(self) -> str:
        """Where the orchestrator keeps it."""
        return f"/cities/{quote(self.city, safe='')}/{self.state}"

    def __str__(self) -> str:
        return f"{self.city}, {self.state}"


async def run_activation(
    place: Place,
    *,
    replay: Path | None = None,
    prospects: int | None = None,
    wait: bool = True,
    quiet: bool = False,
) -> dict[str, Any]:
    """The progress document of an activation, at its end unless `wait` is off; shown as it goes unless `quiet`."""
    options: dict[str, Any] = {} if prospects is None else {"prospect_cap": prospects}
    async with service("orchestrator") as orchestrator:
        if replay is not None:
            options["sources"] = await replay_sources(orchestrator, place, replay)
        started = await orchestrator.command(
            "POST", f"{place.path}/activate", json=options, idempotency_key=f"activate:{uuid4().hex}"
        )
        if not wait:
            report: dict[str, Any] = await orchestrator.get(f"{place.path}/progress")
            return report
        if quiet:
            return await follow(orchestrator, place, started["workflow_id"], lambda _: None)
        return await _follow_on_screen(orchestrator, place, started["workflow_id"])


async def follow(client: ServiceClient, place: Place, workflow_id: str, show: Show) -> dict[str, Any]:
    """The last progress document of an activation; a service that is away for a while only costs time."""
    while True:
        report: dict[str, Any] = await patiently(lambda: client.get(f"{place.path}/progress"))
        show(report)
        if report.get("workflow_id") != workflow_id or report["status"] in ENDED:
            return report
        await asyncio.sleep(POLL_SECONDS)


async def patiently(call: Callable[[], Awaitable[Any]], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """The call's answer, asked again while the service is away; the last failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except (Unavailable, UpstreamFailed):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_SECONDS)


async def replay_sources(orchestrator: ServiceClient, place: Place, folder: Path) -> dict[str, Any]:
    """Sources that read recorded rows through the sandbox's ArcGIS shape, under the city's own field map.

    Parcels come from the permits' addresses, storms from earlier imports; the rest is skipped with its reason.
    """
    described = await orchestrator.get(place.path)
    feeds = (described.get("sources") or {}).get("permit_sources") or []
    feed = next((entry for entry in feeds if entry.get("kind") == "arcgis"), None)
    if feed is None:
        raise InvalidInput(f"{place} has no ArcGIS permit source whose rows could be replayed")
    layer = re.sub(r"[^A-Za-z0-9_]", "_", f"{place.city}_{place.state}_replay")
    served = await _serve_recording(layer, folder)
    own = {
        name: value
        for name, value in feed.items()
        if name not in ("layer_url", "base_url", "base_domain", "status")
    }
    return {
        "permit_sources": [{**own, "layer_path": served["path"].removeprefix("/arcgis/")}],
        "recorded": True,
        "storms": "imported",
        **{part: {"skip": REPLAYED} for part in ("imagery", "contacts", "assessor")},
    }


async def _serve_recording(layer: str, folder: Path) -> dict[str, Any]:
    """Let the sandbox serve a folder of recorded rows as a layer."""
    url = Settings().sandbox_url.rstrip("/")
    if not url:
        raise InvalidInput("a replay needs the sandbox, and SANDBOX_URL is not set")
    try:
        async with httpx.AsyncClient(verify=known_authorities(), trust_env=False, timeout=60) as http:
            answer = await http.post(f"{url}/_sandbox/replay", json={"layer": layer, "path": str(folder)})
    except httpx.HTTPError as error:
        raise Unavailable(f"the sandbox does not answer at {url}; is the fleet up?") from error
    document: dict[str, Any] = answer.json()
    if not answer.is_success:
        raise InvalidInput(
            f"the sandbox cannot replay {folder}: {document.get('detail', answer.status_code)}"
        )
    return document


async def _follow_on_screen(client: ServiceClient, place: Place, workflow_id: str) -> dict[str, Any]:
    """Follow with a live table on a terminal, with one line a change elsewhere."""
    console = Console()
    if not console.is_terminal:
        said: dict[str, str] = {}

        def tell(report: dict[str, Any]) -> None:
            for line in changed_words(said, report):
                console.print(line, highlight=False, soft_wrap=True)

        return await follow(client, place, workflow_id, tell)
    with Live(console=console, refresh_per_second=4) as live:
        return await follow(client, place, workflow_id, lambda report: live.update(screen(report)))


def activation_words(report: dict[str, Any]) -> str:
    """How an activation ended, in one sentence."""
    place = f"{report['city']}, {report['state']}"
    if report["status"] != "done":
        failed = [step["words"] for step in report["steps"] if step["status"] == "dead"]
        why = "; ".join(failed) or report.get("error") or "no reason was given"
        return f"{place}: activation {report['status']}: {why}"
    counts = report["properties"]
    return (
        f"{place} is active after {report['elapsed_seconds']} s: {counts['total']} properties, {counts['done']} done, "
        f"{counts['waiting']} waiting for a reviewer, {counts['failed']} failed; {report['cost_usd']:.2f} USD"
    )
