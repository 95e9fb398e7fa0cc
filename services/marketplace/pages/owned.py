"""What a buyer has bought: the list, one lead with all of it, its sheet on paper, its pictures."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.marketplace.api.leads import Lister, Reader
from services.marketplace.domain.contact_terms import channels, house_address
from services.marketplace.domain.desk_lead import Origin, score_factors
from services.marketplace.domain.sold_lead import PERSON_FIELDS, SoldLead
from services.marketplace.pages.leads import roof_shown
from services.marketplace.pages.outcomes import shown
from services.marketplace.pages.pictures import as_answer
from services.marketplace.pages.rendering import render
from services.marketplace.service import leads, outcomes, pictures, rates, sales
from shared.errors import NotFound
from shared.runtime import Resources, ResourcesDep
from shared.schemas.enums import SaleStatus
from shared.security.policy import Actor

router = APIRouter(prefix="/my/leads", tags=["pages"], default_response_class=Response)

MOST: Final = 500


@router.get("")
async def owned(
    request: Request,
    resources: ResourcesDep,
    actor: Lister,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> Response:
    """The leads this company bought, newest first."""
    await rates.count_read(resources, actor)
    found = await leads.owned_leads(resources, actor, limit)
    more = f"/my/leads?limit={MOST}" if len(found) == limit < MOST else None
    return render(request, "owned.html", actor, leads=found, more=more)


@router.get("/{sale_id}")
async def one(
    request: Request, sale_id: UUID, resources: ResourcesDep, actor: Reader, picture: UUID | None = None
) -> Response:
    """All of a bought lead; how its purchase stands where it is not paid."""
    await rates.count_read(resources, actor)
    sale = await sales.read_sale(resources, actor, sale_id)
    if sale.status != SaleStatus.SOLD:
        return render(request, "sale.html", actor, sale=sale)
    bought = await _bought(resources, actor, sale.base_lead_id, picture)
    history = await outcomes.history(resources, actor, sale_id)
    told = shown(history, sold_at=sale.charged_at, now=resources.clock())
    return render(request, "bought.html", actor, told=told, **bought)


@router.get("/{sale_id}/sheet")
async def sheet(request: Request, sale_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """The lead on one page, to be printed and taken along."""
    await rates.count_read(resources, actor)
    sale = await sales.read_sale(resources, actor, sale_id)
    if sale.status != SaleStatus.SOLD:
        raise NotFound("Only a paid lead has a sheet.")
    return render(request, "sheet.html", actor, **await _bought(resources, actor, sale.base_lead_id, None))


@router.get("/{sale_id}/images/{image_id}")
async def image(sale_id: UUID, image_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """A picture of a bought house."""
    return as_answer(await pictures.bought_picture(resources, actor, sale_id, image_id))


async def _bought(resources: Resources, actor: Actor, lead_id: UUID, picture: UUID | None) -> dict[str, Any]:
    """A bought lead as its page and its sheet show it."""
    lead = await leads.show_lead(resources, actor, lead_id)
    if not isinstance(lead, SoldLead):
        raise NotFound("There is no such lead.")
    analysis, missing = await leads.bought_analysis_if_any(resources, actor, lead_id)
    return {
        "lead": lead,
        "where": house_address(lead),
        "channels": channels(lead),
        "score": score_factors(lead.score_breakdown),
        "origins": _origins(lead),
        "held": [field for field in PERSON_FIELDS if getattr(lead, field)],
        **roof_shown(analysis, missing, picture),
        "picture_base": f"/my/leads/{lead.sale_id}/images",
    }


def _origins(lead: SoldLead) -> dict[str, Origin]:
    """Where each field comes from."""
    return {
        each.field: Origin(
            field=each.field,
            source=each.source,
            date=each.fetched_at,
            confidence=each.confidence,
            licence=None,
        )
        for each in lead.provenance
    }
