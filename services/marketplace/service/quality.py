"""What our grades were worth, for the page, the API and the command alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from services.marketplace.domain.quality import QualityReport, borders, quality_report
from services.marketplace.repository.quality import QualityRepository
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.runtime import Resources
from shared.security.attempts import Claim, Limit, network_of

LOOKS: Final = Limit("quality-look", 60, timedelta(minutes=1))


async def published_quality(resources: Resources, client: str) -> QualityReport:
    """The report as of now, for anybody; TooManyRequests for a network that asks too often."""
    async with resources.own.rates.attempt(Claim(LOOKS, network_of(client))):
        pass
    return await measured_quality(resources.unit_of_work, resources.clock())


async def measured_quality(unit_of_work: UnitOfWorkFactory, now: datetime) -> QualityReport:
    """Contact and win rates of every grade as of a time."""
    # Counts over the sales of every buyer, with no buyer's name.
    with all_rows():
        async with unit_of_work() as uow:
            rows = await QualityRepository(uow.session).counts(borders(now))
    return quality_report((row._asdict() for row in rows), now)
