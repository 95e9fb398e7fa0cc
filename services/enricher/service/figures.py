"""What finding contacts costs and how good addresses are, computed from the rows of the searches."""

from __future__ import annotations

from services.enricher import metrics
from services.enricher.repository import ContactRepository
from shared.runtime import Resources

FIGURE_DAYS = 30


async def measure(resources: Resources) -> dict[str, float]:
    """The last month's match rate, share of verified addresses, cost of a find and share of valid addresses.

    What the rows do not tell yet is absent; the last two are shown as metrics, the shares of searches by the relay.
    """
    async with resources.unit_of_work() as uow:
        row = await ContactRepository(uow.session).quality(FIGURE_DAYS)
    figures: dict[str, float] = {}
    if row.searched:
        figures["match"] = row.found / row.searched
    if row.found:
        figures |= {"verified": row.verified / row.found, "cost_usd": float(row.cost / row.found)}
        metrics.EMAIL_COST.set(figures["cost_usd"])
    if row.validated:
        figures["address_valid"] = row.deliverable / row.validated
        metrics.ADDRESS_VALID.set(figures["address_valid"])
    return figures
