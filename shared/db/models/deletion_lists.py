"""California's deletion list: when it was taken, what stands on it, what became of each request."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import COMPLIANCE, Base, choice, key, stamp, starts_false
from shared.schemas.deletion_list import ListKind, RequestStanding, RequestStatus


class DropDownload(Base):
    """A list that came whole; its age decides whether California sells."""

    __tablename__ = "drop_download"
    __table_args__ = (
        Index("ix_drop_download_latest", text("completed_at DESC")),
        {"schema": COMPLIANCE},
    )

    id: Mapped[UUID] = key()
    completed_at: Mapped[datetime] = stamp()
    record_count: Mapped[int] = mapped_column(BigInteger())
    bad_lines: Mapped[int]
    bad_sample: Mapped[list[str]] = mapped_column(server_default=text("'{}'::text[]"))
    file_sha256: Mapped[str]
    sandbox: Mapped[bool] = starts_false()
    matched_at: Mapped[datetime | None]


class DropRecord(Base):
    """A line of the newest list under a keyed hash of its hash."""

    __tablename__ = "drop_record"
    __table_args__ = ({"schema": COMPLIANCE},)

    tag: Mapped[str] = mapped_column(primary_key=True)
    request_ref: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[ListKind] = choice("kind", ListKind)


class DropRequest(Base):
    """What became of a person's request, and what of it was reported."""

    __tablename__ = "drop_request"
    __table_args__ = (
        CheckConstraint("(reported_status IS NULL) = (reported_at IS NULL)", name="reported_when"),
        {"schema": COMPLIANCE},
    )

    request_ref: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[RequestStanding] = choice("status", RequestStanding)
    changed_at: Mapped[datetime] = stamp()
    reported_status: Mapped[RequestStatus | None] = choice("reported_status", RequestStatus)
    reported_at: Mapped[datetime | None]
