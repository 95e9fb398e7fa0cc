"""Analyses as people are shown them."""

from __future__ import annotations

from uuid import UUID

from services.ml_inference.repository.shown import ShownRepository
from shared.errors import NotFound
from shared.runtime import Resources
from shared.schemas.roof_analysis import RoofAnalysisView


async def current_analysis(resources: Resources, lead_id: UUID) -> RoofAnalysisView:
    """A lead's current analysis with its evidence and pictures, those it rests on first; NotFound without one."""
    async with resources.unit_of_work() as uow:
        shown = ShownRepository(uow.session)
        row = await shown.current(lead_id)
        if row is None:
            raise NotFound(f"lead {lead_id} has no analysis", lead_id=str(lead_id))
        pictures = [each._asdict() for each in await shown.pictures(lead_id)]
    view = RoofAnalysisView.model_validate({**row._asdict(), "pictures": pictures})
    looked_at = {each.image_id for each in view.evidence.pictures} if view.evidence else set()
    return view.model_copy(
        update={"pictures": sorted(view.pictures, key=lambda each: each.id not in looked_at)}
    )
