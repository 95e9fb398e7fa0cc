"""Pages: the cursor comes back as it went out, and nobody else's is taken."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.schemas.page import Cursor, InvalidCursor, cut_page

NOW = datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    id: UUID
    created_at: datetime


def things(count: int) -> list[Thing]:
    return [Thing(uuid4(), NOW - timedelta(seconds=n)) for n in range(count)]


def test_a_cursor_survives_its_way_through_a_url() -> None:
    cursor = Cursor(NOW, uuid4())

    assert Cursor.decode(cursor.encode()) == cursor
    assert Cursor.decode(None) is None


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


BAD = [
    "",
    "abc",
    "!!!",
    encoded("x|y"),
    encoded(f"{NOW.isoformat()}|1"),
    encoded("2026-01-01T00:00:00|6351f031-c276-4cf0-bde0-3e0754570516"),
]


@pytest.mark.parametrize("text", [*BAD, "\u00e4"])
def test_a_cursor_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.decode(text)


@pytest.mark.parametrize(
    ("rows", "kept", "more"), [(0, 0, False), (2, 2, False), (3, 3, False), (4, 3, True)]
)
def test_one_row_too_many_means_another_page(rows: int, kept: int, more: bool) -> None:
    items = things(rows)

    page, cursor = cut_page(items, 3)

    assert page == items[:kept]
    assert (cursor is not None) is more
    if cursor is not None:
        assert Cursor.decode(cursor) == Cursor(page[-1].created_at, page[-1].id)
