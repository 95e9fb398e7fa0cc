"""The seeded towns and what the registry says of their sources."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.factories.core import Core


async def city_of(at: Core, city: str = "Harrow") -> UUID:
    """A seeded town's id."""
    found: UUID = await at.one("SELECT id FROM target_cities WHERE city = :city", city=city)
    return found


async def disable(at: Core, *sources: str) -> None:
    """Let an operator close sources."""
    await at.rows(
        "UPDATE compliance.source_registry SET enabled = false WHERE source_key = ANY (:keys)",
        keys=list(sources),
    )


async def decisions(at: Core, workflow: UUID) -> dict[str, list[str]]:
    """The reasons of a workflow's stored fetch decisions by source; no reason is a yes."""
    rows = await at.rows(
        "SELECT source_key, reasons FROM compliance.contact_decision"
        " WHERE kind = 'fetch' AND workflow_id = :id ORDER BY decided_at",
        id=workflow,
    )
    return {row.source_key: list(row.reasons) for row in rows}


async def permits_of(at: Core, city: UUID) -> int:
    """How many permits of a town are stored."""
    found: int = await at.one("SELECT count(*) FROM roofing_permits WHERE city_id = :id", id=city)
    return found


async def configure(at: Core, city: UUID, **permit_source: Any) -> None:
    """Change the configuration of a town's permit feed."""
    await at.rows(
        "UPDATE target_cities SET sources = jsonb_set(sources, '{permit_sources,0}',"
        " sources #> '{permit_sources,0}' || CAST(:change AS jsonb)) WHERE id = :id",
        id=city,
        change=json.dumps(permit_source),
    )
