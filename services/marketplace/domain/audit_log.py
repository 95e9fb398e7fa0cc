"""The log of who did what to whom, and whether the logs that only grow still hold."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel


class AuditLine(BaseModel):
    """One row of the log: which fields were seen or changed, never what stands in them."""

    id: int | str
    occurred_at: datetime
    service: str
    actor: str
    email: str | None
    """The actor's address, where it is a person who has an account."""
    action: str
    object_type: str | None
    object_id: str | None
    fields: list[str]
    reason: str | None


class ChainView(BaseModel):
    """Whether a log's rows of a day are as they were written: rows changed, missing or not in their chain."""

    log: str
    day: date
    broken: int
