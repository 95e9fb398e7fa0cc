"""The desk of the people who run the platform: every lead, why it is one, and what its roof looks like."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any
from uuid import UUID

from services.marketplace.domain.desk_lead import (
    DeskLead,
    DeskPage,
    DeskSummary,
    origins_by_field,
    score_factors,
)
from services.marketplace.repository.desk import DeskFilter, DeskRepository
from services.marketplace.service.sessions import signed_in
from shared.errors import NotFound, TooManyRequests, Unavailable, UpstreamFailed
from shared.http.clients.base import OnBehalfOf, ServiceClient
from shared.http.clients.roofs import SERVICE as ROOFS
from shared.http.clients.roofs import RoofsClient
from shared.runtime import Resources
from shared.schemas.roof_analysis import RoofAnalysisView
from shared.security.policy import Actor

NOT_ANALYSED = "Nobody has looked at this roof yet."


async def leads(resources: Resources, actor: Actor, wanted: DeskFilter) -> DeskPage:
    """A page of leads, best first."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await DeskRepository(uow.session).leads(wanted)
    items = [DeskSummary.model_validate(row._asdict()) for row in rows[: wanted.limit]]
    more = len(rows) > wanted.limit
    return DeskPage(items=items, next_after=_mark(items[-1]) if more else None)


async def lead(resources: Resources, actor: Actor, lead_id: UUID) -> DeskLead:
    """One lead with its analysis, or with the reason why that cannot be shown."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await DeskRepository(uow.session).lead(lead_id)
    if row is None:
        raise NotFound("There is no such lead.")
    analysis, missing = await analysis_or_why_not(roofs_for(resources, actor).analysis(lead_id))
    return DeskLead.model_validate(
        {**_facts(row._asdict()), "analysis": analysis, "analysis_missing": missing}
    )


def _facts(row: dict[str, Any]) -> Mapping[str, Any]:
    score, origins = score_factors(row.pop("score_breakdown")), origins_by_field(row.pop("origins"))
    return {**row, "score": score, "origins": origins}


async def analysis_or_why_not(
    asked: Awaitable[RoofAnalysisView],
) -> tuple[RoofAnalysisView | None, str | None]:
    """The analysis that was asked for, or why there is none: a desk without it is still a desk."""
    try:
        return await asked, None
    except NotFound:
        return None, NOT_ANALYSED
    except (Unavailable, UpstreamFailed, TooManyRequests) as error:
        return None, f"The analysis cannot be shown now: {error.detail}"


def roofs_for(resources: Resources, actor: Actor) -> RoofsClient:
    """Roof analysis, called for this person."""
    tokens = OnBehalfOf(resources.issuer, actor)
    url = resources.settings.service_url(ROOFS)
    return RoofsClient(ServiceClient(ROOFS, url, tokens, resources.http))


def _mark(item: DeskSummary) -> str:
    """Where the next page begins, for a URL."""
    return f"{-1 if item.quality_score is None else item.quality_score}.{item.id}"
