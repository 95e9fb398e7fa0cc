"""What was allowed and denied by law, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from services.marketplace.api.operations import Reader
from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.decision_log import DecisionLine
from services.marketplace.service import decisions
from shared.compliance.reasons import Reason
from shared.runtime import ResourcesDep
from shared.schemas.compliance_enums import DecisionKind
from shared.schemas.page import DEFAULT_ITEMS, MAX_ITEMS, Page

router = APIRouter(prefix="/api/ops", tags=["operations"])


class DecisionQuery(FormQuery):
    """Which decisions are wanted: of how many days, of which kind, allowed or denied, denied for which reason."""

    days: Annotated[int, Field(ge=1, le=3650)] = 30
    kind: DecisionKind | None = None
    allow: bool | None = None
    reason: Reason | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = DEFAULT_ITEMS
    cursor: Annotated[str | None, Field(max_length=200)] = None


@router.get("/decisions")
async def decision_log(
    query: Annotated[DecisionQuery, Query()], resources: ResourcesDep, actor: Reader
) -> Page[DecisionLine]:
    """The decisions of can_contact, can_sell, can_fetch and can_use_image, newest first."""
    return await decisions.decision_log(resources, actor, **query.model_dump())
