"""Pages of a list in a stable order: newest first, continued by an opaque cursor, never by offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import InvalidInput

DEFAULT_ITEMS = 50
MAX_ITEMS = 100

Item = TypeVar("Item")
RowT = TypeVar("RowT", bound="Row")


class InvalidCursor(InvalidInput):
    """A cursor that we did not make."""

    code = "invalid-cursor"


class Row(Protocol):
    """What a row needs to be paged."""

    @property
    def id(self) -> UUID:
        """Its key."""

    @property
    def created_at(self) -> datetime:
        """Its age."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next one begins behind it."""

    created_at: datetime
    id: UUID

    def encode(self) -> str:
        """The cursor as text for a URL."""
        return base64.urlsafe_b64encode(f"{self.created_at.isoformat()}|{self.id}".encode()).decode()

    @classmethod
    def decode(cls, text: str | None) -> Cursor | None:
        """The cursor behind a caller's text; None for the first page."""
        if text is None:
            return None
        try:
            created_at, _, row_id = (
                base64.b64decode(text, altchars=b"-_", validate=True).decode().partition("|")
            )
            cursor = cls(datetime.fromisoformat(created_at), UUID(row_id))
        except (ValueError, binascii.Error) as error:
            raise InvalidCursor("The cursor is not one of ours.") from error
        if cursor.created_at.tzinfo is None:
            raise InvalidCursor("The cursor is not one of ours.")
        return cursor


class PageQuery(BaseModel):
    """Which page of a list is wanted; lists that filter add their columns."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(DEFAULT_ITEMS, ge=1, le=MAX_ITEMS)
    cursor: str | None = Field(None, max_length=200)


class Page(BaseModel, Generic[Item]):
    """Some items, and the cursor of the next page; null on the last one."""

    items: list[Item]
    next_cursor: str | None = None


def cut_page(rows: Sequence[RowT], limit: int) -> tuple[list[RowT], str | None]:
    """The first `limit` of rows read with one too many, and the cursor if there was one too many."""
    kept = list(rows[:limit])
    if len(rows) <= limit or not kept:
        return kept, None
    return kept, Cursor(kept[-1].created_at, kept[-1].id).encode()
