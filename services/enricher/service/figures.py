"""How well contacts are found, computed from the rows of the searches."""

from __future__ import annotations

from services.enricher import metrics
from services.enricher.repository import ContactRepository
from shared.runtime import Resources

FIGURE_DAYS = 30


async def measure(resources: Resources) -> None:
    """Show the last month's match rate, share of verified addresses, cost of a find and share of valid addresses."""
    async with resources.unit_of_work() as uow:
        row = await ContactRepository(uow.session).quality(FIGURE_DAYS)
    if row.searched:
        metrics.EMAIL_MATCH.set(row.found / row.searched)
    if row.found:
        metrics.EMAIL_VERIFIED.set(row.verified / row.found)
        metrics.EMAIL_COST.set(float(row.cost / row.found))
    if row.validated:
        metrics.ADDRESS_VALID.set(row.deliverable / row.validated)
