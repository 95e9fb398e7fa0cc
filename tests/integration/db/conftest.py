"""A plain connection to the migrated database, rolled back after the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import namedtuple_row

Connection = psycopg.Connection[Any]


def plain(url: str) -> str:
    """A URL as psycopg wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """One transaction on the migrated and seeded database."""
    with psycopg.connect(plain(database_url), row_factory=namedtuple_row) as opened:
        yield opened
        opened.rollback()


def one(connection: Connection, statement: LiteralString, *parameters: Any) -> Any:
    """The first value of the first row."""
    row = connection.execute(statement, parameters or None).fetchone()
    return row[0] if row else None
