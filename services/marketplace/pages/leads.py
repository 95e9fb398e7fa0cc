"""The operators' leads: the list, and one lead with all that speaks for it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.marketplace.api.desk import DeskQuery, Operator
from services.marketplace.domain.desk_lead import DeskLead
from services.marketplace.pages.rendering import render
from services.marketplace.service import desk
from shared.runtime import ResourcesDep
from shared.schemas.enums import Grade, LeadStatus
from shared.schemas.roof_analysis import PictureView
from shared.schemas.roof_evidence import PictureEvidence

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)


@router.get("/leads")
async def leads(
    request: Request, query: Annotated[DeskQuery, Query()], resources: ResourcesDep, actor: Operator
) -> Response:
    """Leads, best first; filter and place in the list stand in the address."""
    page = await desk.leads(resources, actor, query.filter())
    wanted = query.model_dump(mode="json", exclude_defaults=True, exclude={"after"})
    further = {**wanted, "after": page.next_after} if page.next_after else None
    return render(
        request,
        "leads.html",
        actor,
        leads=page.items,
        query=query,
        filtered=bool(wanted),
        first=f"/ops/leads?{urlencode(wanted)}" if query.after else None,
        further=f"/ops/leads?{urlencode(further)}" if further else None,
        statuses=list(LeadStatus),
        grades=list(Grade),
    )


@router.get("/leads/{lead_id}")
async def lead(
    request: Request, lead_id: UUID, resources: ResourcesDep, actor: Operator, picture: UUID | None = None
) -> Response:
    """One lead; `picture` says which of its pictures is large."""
    found = await desk.lead(resources, actor, lead_id)
    pictures = found.analysis.pictures if found.analysis else []
    shown = next((each for each in pictures if each.id == picture), pictures[0] if pictures else None)
    return render(
        request,
        "lead.html",
        actor,
        lead=found,
        analysis=found.analysis,
        evidence=found.analysis.evidence if found.analysis else None,
        pictures=pictures,
        shown=shown,
        seen=seen_in(found, shown),
        looked_at=looked_at(found),
        cost_terms=cost_terms(found),
    )


def seen_in(lead: DeskLead, picture: PictureView | None) -> PictureEvidence | None:
    """What the models saw in a picture."""
    evidence = lead.analysis.evidence if lead.analysis else None
    found = (
        [each for each in evidence.pictures if each.image_id == picture.id] if evidence and picture else []
    )
    return found[0] if found else None


def looked_at(lead: DeskLead) -> set[UUID]:
    """The pictures that the analysis rests on."""
    evidence = lead.analysis.evidence if lead.analysis else None
    return {each.image_id for each in evidence.pictures} if evidence else set()


def cost_terms(lead: DeskLead) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Every term of area and costs, group by group, as they were stored."""
    evidence = lead.analysis.evidence if lead.analysis else None
    if evidence is None:
        return []
    groups = {"roof_area": evidence.roof_area or {}, **_grouped(evidence.costs or {})}
    return [(name, list(terms.items())) for name, terms in groups.items() if terms]


def _grouped(costs: Any) -> dict[str, dict[str, Any]]:
    """Terms of each estimate; those that stand alone under one heading."""
    groups: dict[str, dict[str, Any]] = {"other": {}}
    for name, value in costs.items():
        if isinstance(value, dict):
            groups[name] = value
        else:
            groups["other"][name] = value
    return groups
