"""The audit log for operators."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.marketplace.domain.audit_log import AuditLine, ChainView
from services.marketplace.domain.decision_log import LogPlace
from services.marketplace.repository.audit_log import AuditRepository
from services.marketplace.service.sessions import signed_in
from shared.runtime import Resources
from shared.schemas.page import Page
from shared.security.policy import Actor


async def audit_log(
    resources: Resources, actor: Actor, *, cursor: str | None, limit: int, **wanted: Any
) -> Page[AuditLine]:
    """What was done in the last `days`, newest first; `who`, `action` and `object_id` narrow it where they are not None."""
    after = LogPlace.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await AuditRepository(uow.session).log(wanted, after, limit)
    shown = rows[:limit]
    more = LogPlace(shown[-1].chain_day, shown[-1].chain_seq).encode() if len(rows) > limit else None
    return Page(
        items=[AuditLine.model_validate(row, from_attributes=True) for row in shown], next_cursor=more
    )


async def chains(resources: Resources, actor: Actor, day: date) -> list[ChainView]:
    """Whether the logs of a day (UTC) are as they were written."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await AuditRepository(uow.session).broken_links(day)
    return [ChainView(log=row.log, day=day, broken=row.broken) for row in rows]
