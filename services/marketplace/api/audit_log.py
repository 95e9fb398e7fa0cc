"""Who did what to whom, for operators."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from services.marketplace.api.operations import Reader
from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.audit_log import AuditLine, ChainView
from services.marketplace.service import audit_log
from shared.runtime import ResourcesDep
from shared.schemas.page import DEFAULT_ITEMS, MAX_ITEMS, Page
from shared.schemas.text import Line

router = APIRouter(prefix="/api/ops", tags=["operations"])


class AuditQuery(FormQuery):
    """Which rows are wanted: of how many days, by whom, of which actions, about what."""

    days: Annotated[int, Field(ge=1, le=3650)] = 30
    who: Line | None = None
    """An actor's name as it stands in the log, or a person's e-mail address."""
    action: Line | None = None
    """How the action begins."""
    object_id: Line | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = DEFAULT_ITEMS
    cursor: Annotated[str | None, Field(max_length=200)] = None


@router.get("/audit")
async def log(
    query: Annotated[AuditQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[AuditLine]:
    """What people and services did, newest first."""
    return await audit_log.audit_log(resources, actor, **query.model_dump())


@router.get("/audit/chains/{day}")
async def chains(day: date, resources: ResourcesDep, actor: Reader) -> list[ChainView]:
    """Whether the audit log and the log of decisions of a day (UTC) are as they were written."""
    return await audit_log.chains(resources, actor, day)
