"""The operators' leads: the list, and one lead with all that speaks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.marketplace.api.desk import DeskQuery, Operator
from services.marketplace.domain.lead_triggers import storms_together
from services.marketplace.domain.sold_lead import Origin
from services.marketplace.pages.rendering import render
from services.marketplace.pages.words import name as as_words
from services.marketplace.pages.words import source
from services.marketplace.service import desk
from shared.runtime import ResourcesDep
from shared.schemas.enums import Grade, LeadStatus, RoofAgeEvidence
from shared.schemas.roof_analysis import PictureView, RoofAnalysisView
from shared.schemas.roof_evidence import PictureEvidence, RoofEvidence

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
    origins = found.origins | figure_origins(found.analysis)
    return render(
        request,
        "lead.html",
        actor,
        lead=found,
        triggers=storms_together(found.triggers),
        origins=origins | age_origin(found.roof_age_evidence, origins),
        held=found.held,
        **roof_shown(found.analysis, found.analysis_missing, picture),
        picture_base="/images",
    )


def roof_shown(
    analysis: RoofAnalysisView | None, missing: str | None, picture: UUID | None
) -> dict[str, Any]:
    """What the parts about a roof show, `picture` large, the first one where it names none."""
    pictures = analysis.pictures if analysis else []
    shown = next((each for each in pictures if each.id == picture), pictures[0] if pictures else None)
    evidence = analysis.evidence if analysis else None
    return {
        "analysis": analysis,
        "analysis_missing": missing,
        "evidence": evidence,
        "pictures": pictures,
        "shown": shown,
        "seen": seen_in(evidence, shown),
        "looked_at": {each.image_id for each in evidence.pictures} if evidence else set(),
        "cost_terms": cost_terms(evidence),
    }


def figure_origins(analysis: RoofAnalysisView | None) -> dict[str, Origin]:
    """Where the figures of an analysis come from: our models, on whose pictures, on which day."""
    if analysis is None:
        return {}
    looked_at = {each.source for each in analysis.evidence.pictures} if analysis.evidence else set()
    models = " on ".join(["our roof models", *filter(None, [", ".join(sorted(map(source, looked_at)))])])
    words = {
        "condition": (models, analysis.confidence),
        "roof_sqft": (f"measured by {models}", None),
        "costs": (f"estimate from the roof's area, its form and local prices; {models}", None),
    }
    return {
        field: Origin(field=field, source=text, date=analysis.analyzed_at, confidence=sure, licence=None)
        for field, (text, sure) in words.items()
    }


RESTS_ON: Final = {
    RoofAgeEvidence.PERMIT: "roof_installed_on",
    RoofAgeEvidence.IMAGES: "condition",
    RoofAgeEvidence.YEAR_BUILT: "year_built",
}
"""The stored fact by which a roof's age was estimated; a vendor's or an owner's word is a fact of its own."""


def age_origin(evidence: RoofAgeEvidence | None, origins: Mapping[str, Origin]) -> dict[str, Origin]:
    """Where the roof's age comes from: its evidence, and source, date and confidence of the fact it rests on."""
    fact = origins.get(RESTS_ON.get(evidence, "roof_age_mid")) if evidence else None
    if evidence is None or fact is None:
        return {}
    words = f"estimate by {as_words(evidence).lower()}, {source(fact.source)}"
    return {"roof_age": fact.model_copy(update={"field": "roof_age", "source": words})}


def seen_in(evidence: RoofEvidence | None, picture: PictureView | None) -> PictureEvidence | None:
    """What the models saw in a picture."""
    if evidence is None or picture is None:
        return None
    return next((each for each in evidence.pictures if each.image_id == picture.id), None)


def cost_terms(evidence: RoofEvidence | None) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Every term of area and costs, group by group, as they were stored."""
    if evidence is None:
        return []
    groups = {"roof_area": evidence.roof_area or {}, **_grouped(evidence.costs or {})}
    return [(name, list(_flat(terms))) for name, terms in groups.items() if terms]


def _flat(terms: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every term on a line of its own; the names of nested ones begin with their group's."""
    for name, value in terms.items():
        full = f"{above}{'roof_area' if name == 'sqft' else name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{full}_")
        else:
            yield full, "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _grouped(costs: Any) -> dict[str, dict[str, Any]]:
    """Terms of each estimate; those that stand alone under one heading."""
    groups: dict[str, dict[str, Any]] = {"other": {}}
    for name, value in costs.items():
        if isinstance(value, dict):
            groups[name] = value
        else:
            groups["other"][name] = value
    return groups
