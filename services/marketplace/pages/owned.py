"""What a buyer has bought: the list, one lead with all of it, its sheet on paper, its pictures."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.marketplace.api.leads import Lister, Reader
from services.marketplace.domain.contact_terms import channels, house_address
from services.marketplace.domain.desk_lead import score_factors
from services.marketplace.domain.lead_triggers import storms_together
from services.marketplace.domain.sold_lead import PERSON_FIELDS, Origin, SoldLead
from services.marketplace.pages.leads import age_origin, figure_origins, roof_shown
from services.marketplace.pages.outcomes import shown
from services.marketplace.pages.pictures import as_answer
from services.marketplace.pages.rendering import page_links, render
from services.marketplace.service import leads, outcomes, pictures, rates, sales
from shared.errors import NotFound
from shared.runtime import Resources, ResourcesDep
from shared.schemas.enums import SaleStatus
from shared.schemas.page import PageQuery
from shared.security.policy import Actor

router = APIRouter(prefix="/my/leads", tags=["pages"], default_response_class=Response)


@router.get("")
async def owned(
    request: Request, query: Annotated[PageQuery, Query()], resources: ResourcesDep, actor: Lister
) -> Response:
    """The leads this company bought, newest first; the place in the list stands in the address."""
    await rates.count_read(resources, actor)
    page = await leads.owned_page(resources, actor, cursor=query.cursor, limit=query.limit)
    return render(
        request,
        "owned.html",
        actor,
        leads=page.items,
        **page_links(request, page.next_cursor),
    )


@router.get("/{sale_id}")
async def one(
    request: Request, sale_id: UUID, resources: ResourcesDep, actor: Reader, picture: UUID | None = None
) -> Response:
    """All of a bought lead; how its purchase stands where it is not paid."""
    await rates.count_read(resources, actor)
    sale = await sales.read_sale(resources, actor, sale_id)
    if sale.status != SaleStatus.SOLD:
        return render(request, "sale.html", actor, sale=sale)
    bought = await bought_lead(resources, actor, sale.base_lead_id, picture)
    history = await outcomes.history(resources, actor, sale_id)
    told = shown(history, sold_at=sale.charged_at, now=resources.clock())
    return render(request, "bought.html", actor, told=told, **bought)


@router.get("/{sale_id}/sheet")
async def sheet(request: Request, sale_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """The lead on one page, to be printed and taken along."""
    lead_id = await paid_sale(resources, actor, sale_id)
    return render(request, "sheet.html", actor, **await bought_lead(resources, actor, lead_id, None))


@router.get("/{sale_id}/images/{image_id}")
async def image(sale_id: UUID, image_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """A picture of a bought house."""
    return as_answer(await pictures.bought_picture(resources, actor, sale_id, image_id))


async def paid_sale(resources: Resources, actor: Actor, sale_id: UUID) -> UUID:
    """The lead of a paid sale of this buyer; NotFound for any other sale. Counted as a read."""
    await rates.count_read(resources, actor)
    sale = await sales.read_sale(resources, actor, sale_id)
    if sale.status != SaleStatus.SOLD:
        raise NotFound("Only a paid lead has a sheet.")
    lead_id: UUID = sale.base_lead_id
    return lead_id


async def bought_lead(
    resources: Resources, actor: Actor, lead_id: UUID, picture: UUID | None
) -> dict[str, Any]:
    """A bought lead as its page and its sheets show it."""
    lead = await leads.show_lead(resources, actor, lead_id)
    if not isinstance(lead, SoldLead):
        raise NotFound("There is no such lead.")
    analysis, missing = await leads.bought_analysis_if_any(resources, actor, lead_id)
    origins = _origins(lead) | figure_origins(analysis)
    return {
        "lead": lead,
        "where": house_address(lead),
        "channels": channels(lead),
        "score": score_factors(lead.score_breakdown),
        "origins": origins | age_origin(lead.roof_age_evidence, origins),
        "triggers": storms_together(lead.triggers),
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
