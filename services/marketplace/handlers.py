"""Reactions of the marketplace to events."""

from __future__ import annotations

from services.marketplace.domain.notice import storm_words
from services.marketplace.domain.notices import NoticeName
from services.marketplace.repository.notices import NoticeRepository
from shared.db.unit_of_work import UnitOfWork
from shared.events.leads import SoldLeadStruck
from shared.runtime import Resources


async def tell_of_storm(event: SoldLeadStruck, uow: UnitOfWork, _: Resources) -> None:
    """Leave the buyer of a sold lead a notice: the roof it knows may need another look (G-53)."""
    words = storm_words(event.event_type, event.struck_on, event.distance_miles, event.source)
    await NoticeRepository(uow.session).leave_to_owner(
        event.base_lead_id, NoticeName.STORM_AT_SOLD_LEAD, words
    )
