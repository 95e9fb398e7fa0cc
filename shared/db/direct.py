"""Text statements go straight to the driver: sqlalchemy's way around them costs more than the trip itself.

They are most of what we send. Everything else (ORM, built statements, lists of values, savepoints) goes through sqlalchemy.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import Dialect, Executable, Result, TextClause, text
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

Driver = psycopg.AsyncConnection[Any]

DRIVER: Final = "ridgeline.driver"
"""The entry of a session's info that holds its driver, once a unit of work has begun on it."""
KEPT: Final = 2_000
"""Distinct statements that are kept translated; a process of ours sends a few hundred."""


class DirectResult(IteratorResult[*tuple[Any, ...]]):
    """Rows like those of sqlalchemy, all of them at hand, and how many rows a statement touched."""

    def __init__(self, cursor: psycopg.AsyncCursor[Any], rows: list[Any]) -> None:
        names = tuple(column.name for column in cursor.description or ())
        super().__init__(_metadata(names), iter(rows))
        self.rowcount = cursor.rowcount
        self.returns_rows = cursor.description is not None


class DirectSession(AsyncSession):
    """A session whose text statements skip sqlalchemy inside a unit of work; same results, same errors."""

    async def execute(
        self, statement: Executable, params: Any = None, **options: Any
    ) -> Result[*tuple[Any, ...]]:
        """The result of a statement; sqlalchemy's DBAPIError and its kinds as ever."""
        driver = self.info.get(DRIVER)
        if driver is None or options or self.in_nested_transaction() or not is_plain(statement, params):
            return await super().execute(statement, params, **options)
        dialect = self.get_bind().dialect
        try:
            return await run(driver, dialect, statement, params)
        except DBAPIError:
            if driver.closed:
                del self.info[DRIVER]
                await notice_loss(self)
            raise


class _Executor(Protocol):
    async def execute(self, statement: Executable, /) -> Any: ...


async def notice_loss(through: _Executor) -> None:
    """Let sqlalchemy see that a connection is dead: it forgets every older one of the pool with it."""
    with suppress(DBAPIError):
        await through.execute(text("SELECT 1"))


def is_plain(statement: Executable, params: Any) -> bool:
    """Whether a statement is text whose values need nothing of sqlalchemy."""
    return (
        type(statement) is TextClause
        and (params is None or isinstance(params, Mapping))
        and all(bind.required and bind.type._isnull for bind in statement._bindparams.values())  # noqa: SLF001 - no other way
    )


async def run(
    driver: Driver, dialect: Dialect, statement: Executable, params: Mapping[str, Any] | None
) -> DirectResult:
    """The result of a plain statement by the driver; sqlalchemy's DBAPIError and its kinds."""
    query = _translated(str(statement.text), dialect)  # type: ignore[attr-defined]
    try:
        cursor = driver.cursor()
        await cursor.execute(query, params or {})  # without values the driver would leave %% as it is
        return DirectResult(cursor, await cursor.fetchall() if cursor.description else [])
    except psycopg.Error as error:
        raise DBAPIError.instance(
            query,
            dict(params or {}),
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=driver.closed,
            dialect=dialect,
        ) from error


@lru_cache(KEPT)
def _translated(words: str, dialect: Dialect) -> str:
    """A statement with its values marked as the driver wants them."""
    return str(text(words).compile(dialect=dialect))


@lru_cache(KEPT)
def _metadata(names: tuple[str, ...]) -> SimpleResultMetaData:
    return SimpleResultMetaData(names)
