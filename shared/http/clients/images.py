"""The typed client of the image processor."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.http.clients.base import ServiceClient

SERVICE = "image_processor"
OURS = "us"


class ImageLink(BaseModel):
    """Where a picture can be seen now."""

    image_id: UUID
    url: str
    expires_at: datetime | None
    served_by: str
    attribution: str | None
    licence_id: str

    @property
    def live(self) -> bool:
        """True for an address of the vendor, whose picture may be shown and never kept."""
        return self.served_by != OURS


class ImagesClient:
    """Pictures, asked of the service that owns them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def link(self, image_id: UUID) -> ImageLink:
        """An address that shows a picture for some minutes."""
        return ImageLink.model_validate(await self._client.get(f"/images/{image_id}/url"))
