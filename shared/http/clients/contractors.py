"""The typed client of contractor_acquisition."""

from __future__ import annotations

from uuid import UUID

from shared.http.clients.base import ServiceClient
from shared.schemas.contractor import (
    ContractorQuery,
    ContractorSummary,
    ContractorUpdate,
    InnerContractorCreate,
    StaffContractorView,
)
from shared.schemas.page import Page

SERVICE = "contractor_acquisition"


class ContractorsClient:
    """Contractors, asked of the service that owns them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def create(self, new: InnerContractorCreate, *, idempotency_key: str) -> StaffContractorView:
        """The new contractor, or the one this key made before."""
        body = new.model_dump(mode="json", exclude_unset=True)
        answer = await self._client.command(
            "POST", "/contractors", json=body, idempotency_key=idempotency_key
        )
        return StaffContractorView.model_validate(answer)

    async def read(self, contractor_id: UUID) -> StaffContractorView:
        """One contractor; NotFound where there is none."""
        return StaffContractorView.model_validate(await self._client.get(f"/contractors/{contractor_id}"))

    async def page(self, query: ContractorQuery) -> Page[ContractorSummary]:
        """A page of contractors."""
        answer = await self._client.get(
            "/contractors", params=query.model_dump(mode="json", exclude_none=True)
        )
        return Page[ContractorSummary].model_validate(answer)

    async def update(
        self, contractor_id: UUID, changes: ContractorUpdate, *, idempotency_key: str
    ) -> StaffContractorView:
        """The contractor with these fields changed."""
        answer = await self._client.command(
            "PATCH",
            f"/contractors/{contractor_id}",
            json=changes.model_dump(mode="json", exclude_unset=True),
            idempotency_key=idempotency_key,
        )
        return StaffContractorView.model_validate(answer)

    async def withdraw(self, contractor_id: UUID, *, idempotency_key: str) -> None:
        """End the contractor's time with us."""
        await self._client.command("DELETE", f"/contractors/{contractor_id}", idempotency_key=idempotency_key)
