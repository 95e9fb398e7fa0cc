"""The operators' books."""

from __future__ import annotations

from datetime import timedelta

from services.marketplace.domain.desk_quality import (
    DeskQuality,
    LowRated,
    ReturnsByReason,
    city_books,
    kept_rate,
)
from services.marketplace.repository.desk_quality import DeskQualityRepository
from services.marketplace.service.sessions import signed_in
from shared.runtime import Resources
from shared.security.policy import Actor


async def desk_quality(resources: Resources, actor: Actor, days: int) -> DeskQuality:
    """So many days of sales and costs by city, returns by reason, and leads rated low."""
    since = resources.clock() - timedelta(days=days)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = DeskQualityRepository(uow.session)
        cities = [city_books(row._asdict()) for row in await repository.cities(since)]
        returns, low_rated = await repository.returns(since), await repository.low_rated(since)
    return DeskQuality(
        since=since,
        days=days,
        kept=kept_rate(cities),
        cities=cities,
        returns=[ReturnsByReason(**row._asdict()) for row in returns],
        low_rated=[LowRated(**row._asdict()) for row in low_rated],
    )
