"""The typed client of roof analysis."""

from __future__ import annotations

from uuid import UUID

from shared.http.clients.base import ServiceClient
from shared.schemas.roof_analysis import RoofAnalysisView

SERVICE = "ml_inference"


class RoofsClient:
    """Analyses of roofs, asked of the service that owns them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def analysis(self, lead_id: UUID) -> RoofAnalysisView:
        """A lead's current analysis; NotFound where there is none."""
        return RoofAnalysisView.model_validate(await self._client.get(f"/analyses/{lead_id}"))
