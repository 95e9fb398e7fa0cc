"""Locks that several repositories take, so that they take the same one."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_CONTRACTOR: Final = text("SELECT 1 FROM contractors WHERE id = :id FOR NO KEY UPDATE")


async def lock_contractor(session: AsyncSession, contractor_id: UUID) -> bool:
    """Let a contractor's other purchases, returns, settlements and plans wait until the caller commits; False where there is none."""
    return (await session.execute(_CONTRACTOR, {"id": contractor_id})).one_or_none() is not None
