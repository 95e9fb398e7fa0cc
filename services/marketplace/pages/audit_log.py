"""The operators' page of the audit log."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.marketplace.api.audit_log import AuditQuery
from services.marketplace.api.operations import Reader
from services.marketplace.pages.decisions import PERIODS
from services.marketplace.pages.rendering import page_links, render
from services.marketplace.service import audit_log
from shared.runtime import ResourcesDep

router = APIRouter(prefix="/ops", tags=["pages"], default_response_class=Response)
LOGS: Final = {"public.audit_log": "This log", "compliance.contact_decision": "Decisions"}


class PageQuery(AuditQuery):
    """The same, and a day whose logs are to be checked."""

    check: Annotated[date | None, Field()] = None


@router.get("/audit")
async def log(
    request: Request, resources: ResourcesDep, actor: Reader, query: Annotated[PageQuery, Query()]
) -> Response:
    """What people and services did lately; with a day, whether its logs still hold."""
    page = await audit_log.audit_log(resources, actor, **query.model_dump(exclude={"check"}))
    chains = await audit_log.chains(resources, actor, query.check) if query.check else []
    return render(
        request,
        "desk_audit.html",
        actor,
        lines=page.items,
        query=query,
        periods=PERIODS,
        chains=chains,
        logs=LOGS,
        **page_links(request, page.next_cursor),
    )
