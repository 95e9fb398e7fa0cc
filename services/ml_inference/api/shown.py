"""Routes of analyses as they stand."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.ml_inference.service import shown
from shared.http.auth import require
from shared.runtime import ResourcesDep
from shared.schemas.roof_analysis import RoofAnalysisView
from shared.security.policy import Action, Actor

router = APIRouter(prefix="/analyses", tags=["analysis"])


@router.get("/{lead_id}")
async def analysis(
    lead_id: UUID, resources: ResourcesDep, _: Annotated[Actor, require(Action.REVIEW_READ)]
) -> RoofAnalysisView:
    """A lead's current analysis with its evidence and pictures."""
    return await shown.current_analysis(resources, lead_id)
