"""The log of decisions for operators."""

from __future__ import annotations

from typing import Any

from services.marketplace.domain.decision_log import DecisionLine, LogPlace
from services.marketplace.repository.decisions import DecisionRepository
from services.marketplace.service.sessions import signed_in
from shared.runtime import Resources
from shared.schemas.page import Page
from shared.security.policy import Actor


async def decision_log(
    resources: Resources, actor: Actor, *, cursor: str | None, limit: int, **wanted: Any
) -> Page[DecisionLine]:
    """Decisions of the last `days`, newest first; `kind`, `allow` and `reason` narrow them where they are not None."""
    after = LogPlace.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await DecisionRepository(uow.session).log(wanted, after, limit)
    shown = rows[:limit]
    more = LogPlace(shown[-1].chain_day, shown[-1].chain_seq).encode() if len(rows) > limit else None
    return Page(
        items=[DecisionLine.model_validate(row, from_attributes=True) for row in shown], next_cursor=more
    )
