"""Whether the models' confidence may be trusted, domain by domain of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference.domain.maturity import Compared, maturity_of
from services.ml_inference.repository import ValidationRepository
from shared.runtime import Resources
from shared.schemas.enums import ImageDomain, RoofCondition
from shared.schemas.review import DomainMaturity
from shared.schemas.shares import wilson_interval


async def maturities(resources: Resources) -> list[DomainMaturity]:
    """Each domain with what its newest weights have shown there."""
    async with resources.unit_of_work() as uow:
        return [await _maturity(uow.session, domain) for domain in ImageDomain]


async def compare_rendered(resources: Resources, truths: Mapping[UUID, RoofCondition]) -> DomainMaturity:
    """Keep analyses of rendered pictures beside the truth that the sandbox told; what the domain has shown since."""
    async with resources.unit_of_work() as uow:
        words = {lead_id: condition.value for lead_id, condition in truths.items()}
        await ValidationRepository(uow.session).compare_rendered(words)
        return await _maturity(uow.session, ImageDomain.RENDERED)


async def _maturity(session: AsyncSession, domain: ImageDomain) -> DomainMaturity:
    repository = ValidationRepository(session)
    weights = await repository.weights_in(domain)
    row = await repository.compared(domain, weights or "")
    compared = Compared(row.n, row.right)
    low, high = wilson_interval(compared.right, compared.n)
    return DomainMaturity(
        domain=domain,
        weights=weights,
        compared=compared.n,
        right=compared.right,
        low=round(low, 4),
        high=round(high, 4),
        maturity=maturity_of(compared),
    )
