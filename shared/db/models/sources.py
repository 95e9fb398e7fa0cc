"""Readings of sources."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, counter, key, refers, stamp, words
from shared.schemas.enums import ReadingKind, ReadingStatus, SourceLight

EMPTY_LIST = text("'{}'::text[]")
EMPTY_ARRAY = text("'[]'::jsonb")
EMPTY_OBJECT = text("'{}'::jsonb")


class SourceRun(Base):
    """One reading of one source and what it showed. Owner: scraper.

    `run` is the workflow that read, or the day for pages that are asked one by one. `columns` counts the rows that had
    each column, `known_rows` are those that the next reading asks for again.
    """

    __tablename__ = "source_runs"
    __table_args__ = (
        UniqueConstraint("source_key", "run"),
        Index("idx_source_runs_latest", "source_key", text("started_at DESC")),
        Index("idx_source_runs_city", "city_id"),
        CheckConstraint("window_days > 0", name="window_positive"),
        CheckConstraint("rows_read >= 0 AND rows_rejected >= 0", name="rows_positive"),
    )

    id: Mapped[UUID] = key()
    source_key: Mapped[str] = mapped_column(words(100))
    run: Mapped[str] = mapped_column(words(40))
    kind: Mapped[ReadingKind] = choice("kind", ReadingKind, length=20)
    city_id: Mapped[UUID | None] = refers("target_cities.id", on_delete="CASCADE")
    workflow_id: Mapped[UUID | None] = mapped_column(Uuid())
    status: Mapped[ReadingStatus] = choice("status", ReadingStatus, length=20, default=ReadingStatus.READING)
    light: Mapped[SourceLight | None] = choice("light", SourceLight, length=10)
    reasons: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    notes: Mapped[list[str]] = mapped_column(server_default=EMPTY_LIST)
    failure: Mapped[str | None] = mapped_column(words(50))
    tries: Mapped[int] = mapped_column(server_default=text("1"))
    window_days: Mapped[int | None]
    rows_read: Mapped[int] = counter()
    rows_rejected: Mapped[int] = counter()
    newest_row_on: Mapped[date | None]
    columns: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    known_rows: Mapped[list[dict[str, Any]]] = mapped_column(server_default=EMPTY_ARRAY)
    started_at: Mapped[datetime] = stamp()
    ended_at: Mapped[datetime | None]
