"""Columns that answer queries: text is coded against its words, so that a filter runs once a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: codes into words for text, plain values otherwise; null where `null` is set."""

    name: str
    kind: ColumnKind
    values: NDArray[Any]
    """Codes for text, float64 for numbers, datetime64[ms] for times."""
    words: NDArray[np.object_]
    null: Mask
    whole: bool = False
    """A number written without decimals."""
    _ranks: list[NDArray[Any]] = field(default_factory=list, compare=False, repr=False)
    """Kept after the first sort."""

    def at(self, row: int) -> Any:
        """Value of a row: str, int, float, numpy datetime64, or None."""
        if self.null[row]:
            return None
        value = self.values[row]
        if self.kind is ColumnKind.TEXT:
            return self.words[value]
        if self.kind is ColumnKind.TIME:
            return value
        return int(value) if self.whole else float(value)

    def ranks(self) -> NDArray[Any]:
        """Numbers that sort as the column does; nulls first."""
        if not self._ranks:
            self._ranks.append(self._ranked())
        return self._ranks[0]

    def _ranked(self) -> NDArray[Any]:
        if self.kind is ColumnKind.NUMBER:
            return np.where(self.null, -np.inf, self.values)
        if self.kind is ColumnKind.TIME:
            # Far below any date, and still a number that can be negated.
            return np.where(self.null, -(2**62), self.values.astype(np.int64))
        rank = np.empty(len(self.words), dtype=np.int64)
        rank[np.argsort(self.words.astype(str), kind="stable")] = np.arange(len(self.words))
        return np.where(self.null, -1, rank[self.values])


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of equal length."""

    columns: dict[str, Column]
    length: int

    def __len__(self) -> int:
        return self.length

    def column(self, name: str) -> Column:
        """The column of that name, letter case ignored; KeyError when there is none."""
        if name in self.columns:
            return self.columns[name]
        return next(column for key, column in self._folded() if key == name.lower())

    def has(self, name: str) -> bool:
        """True when the table has that column, letter case ignored."""
        return name in self.columns or any(key == name.lower() for key, _ in self._folded())

    def _folded(self) -> Iterator[tuple[str, Column]]:
        yield from ((key.lower(), column) for key, column in self.columns.items())

    def sorted_by(self, rows: Rows, order: Sequence[tuple[str, bool]]) -> Rows:
        """Rows in the order of (column, descending) pairs; equal rows keep their place."""
        for name, descending in reversed(order):
            ranks = self.column(name).ranks()[rows]
            rows = rows[np.argsort(-ranks if descending else ranks, kind="stable")]
        return rows


def text_column(
    name: str, codes: NDArray[Any], words: Sequence[str], *, blank_is_null: bool = True
) -> Column:
    """A text column from codes into words; code -1, and blank words unless told otherwise, are null."""
    lexicon = np.empty(max(1, len(words)), dtype=object)
    lexicon[: len(words)] = words
    if not len(words):
        lexicon[0] = ""
    blank = np.array([not word for word in lexicon], dtype=bool)
    null = codes < 0
    if blank_is_null:
        null = null | blank[np.maximum(codes, 0)]
    return Column(name, ColumnKind.TEXT, np.maximum(codes, 0).astype(np.int64), lexicon, null)


def written_column(name: str, texts: Sequence[str]) -> Column:
    """A text column whose every row has words of its own."""
    return text_column(name, np.arange(len(texts)), texts)


def number_column(
    name: str, values: NDArray[Any], *, whole: bool = False, null: Mask | None = None
) -> Column:
    """A number column; NaN and masked rows are null."""
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers) if null is None else np.isnan(numbers) | null
    return Column(name, ColumnKind.NUMBER, numbers, np.empty(0, dtype=object), missing, whole)


def time_column(name: str, values: NDArray[Any]) -> Column:
    """A time column; NaT is null."""
    times = values.astype("datetime64[ms]")
    return Column(name, ColumnKind.TIME, times, np.empty(0, dtype=object), np.isnat(times))


def table_of(columns: Sequence[Column], length: int) -> Table:
    """A table of columns in their order."""
    return Table({column.name: column for column in columns}, length)


def text_matches(column: Column, test: Callable[[str], bool]) -> Mask:
    """Rows of a text column whose word passes the test."""
    passed = np.array([test(str(word)) for word in column.words], dtype=bool)
    mask: Mask = passed[column.values] & ~column.null
    return mask
