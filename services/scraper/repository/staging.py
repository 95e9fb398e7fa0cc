"""COPY into a temporary table: the only way many rows enter the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

HASH_BYTES = 16
WORK_MEMORY = "64MB"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What one upsert did with the staged rows."""

    stored: int
    updated: int
    duplicate: int


def copy_line(values: Iterable[Any]) -> str:
    r"""One row in COPY's text format, without its line end; None is \N, enumerations are their text."""
    cells = [value if value is None or value.__class__ is str else _text_of(value) for value in values]
    plain = "".join(filter(None, cells))
    # One look at the whole row, as few hold a sign that COPY wants escaped.
    if "\\" in plain or not plain.isprintable():
        cells = [cell and _escaped(cell) for cell in cells]
    return "\t".join(["\\N" if cell is None else cell for cell in cells])


def copy_text(lines: Sequence[str]) -> bytes:
    """Rows made by `copy_line` in one piece."""
    return "".join([f"{line}\n" for line in lines]).encode()


def _text_of(value: Any) -> str:
    if value is True:
        return "t"
    if value is False:
        return "f"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def hashed_line(values: Iterable[Any]) -> str:
    """The row and, behind it, the hash of its content by which an unchanged row is known."""
    line = copy_line(values)
    return f"{line}\t{blake2b(line.encode(), digest_size=HASH_BYTES).hexdigest()}"


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
