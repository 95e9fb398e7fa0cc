"""What a buyer's leads cost and brought."""

from __future__ import annotations

from services.marketplace.domain.analytics import AnalyticsReport, analytics_report, first_month
from services.marketplace.repository.analytics import AnalyticsRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.runtime import Resources
from shared.security.policy import Action, Actor


async def own_analytics(resources: Resources, actor: Actor, months: int) -> AnalyticsReport:
    """The report of the actor's company over so many months, the present one included."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    now = resources.clock()
    since = first_month(now, months)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = AnalyticsRepository(uow.session)
        rows = await repository.counts(contractor_id, since)
        guarantee_cents = await repository.guarantee_cents(contractor_id, since)
    return analytics_report(
        (row._asdict() for row in rows), guarantee_cents=guarantee_cents, now=now, months=months
    )
