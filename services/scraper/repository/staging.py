"""COPY into a temporary table: the only way many rows enter the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WORK_MEMORY = "64MB"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What one upsert did with the staged rows."""

    stored: int
    updated: int
    duplicate: int


class Staging:
    """A temporary table of the current transaction, filled block by block and emptied at its end."""

    def __init__(self, session: AsyncSession, name: str, definition: str, columns: Sequence[str]) -> None:
        self._session = session
        self._name = name
        self._definition = definition
        self._copy = f"COPY {name} ({', '.join(columns)}) FROM STDIN"

    async def prepare(self) -> None:
        """Create the table, or empty the one an earlier load of this transaction left; with room to sort its rows."""
        await self._session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{self._name}"))
        await self._session.execute(
            text(f"CREATE TEMPORARY TABLE {self._name} ON COMMIT DROP AS {self._definition}")
        )
        await self._session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY}'"))

    async def copy(self, rows: bytes) -> None:
        """Append rows made by `copy_text`."""
        if not rows:
            return
        connection = await (await self._session.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
        async with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
            await copy.write(rows)

    async def analyse(self) -> None:
        """Let the planner see how many rows there are and how they are spread."""
        await self._session.execute(text(f"ANALYZE {self._name}"))
