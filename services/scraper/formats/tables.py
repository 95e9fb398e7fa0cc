"""CSV headers of public files under one spelling, and the cells behind them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from shared.files import FileRefused, csv_cells

NOT_WORD = re.compile(r"[^A-Z0-9]+")
SIMILAR_ENOUGH = 0.6


def column_name(text: str) -> str:
    """`  PERMIT_TYPE`, `Permit Type` and `permit#` as PERMIT_TYPE and PERMIT."""
    return NOT_WORD.sub("_", text.upper()).strip("_")


@dataclass(frozen=True, slots=True)
class Layout:
    """A CSV format by the columns it cannot do without."""

    key: str
    required: tuple[str, ...]
    refused: str | None = None

    def missing(self, columns: set[str]) -> list[str]:
        """The required columns that are not there."""
        return [name for name in self.required if name not in columns]


def recognise_layout(header: Sequence[str], layouts: Sequence[Layout]) -> Layout:
    """The layout of a header; raises FileRefused naming the column that was renamed, or that nothing fits."""
    columns = {column_name(cell) for cell in header}
    for layout in layouts:
        if not layout.missing(columns):
            if layout.refused:
                raise FileRefused(f"unsupported_format_{layout.key}", layout.refused)
            return layout
    nearest = min(layouts, key=lambda layout: len(layout.missing(columns)) / len(layout.required))
    missing = nearest.missing(columns)
    if 1 - len(missing) / len(nearest.required) >= SIMILAR_ENOUGH:
        raise FileRefused(
            f"missing_column_{missing[0]}",
            f"looks like {nearest.key}, but lacks the columns {', '.join(missing)}",
        )
    raise FileRefused("unknown_format", f"no known format has the columns {', '.join(sorted(columns))[:200]}")


def header_of(head: str) -> list[str]:
    """The cells of the first line that is not blank."""
    for row in csv.reader(head.splitlines()):
        if any(cell.strip() for cell in row):
            return row
    raise FileRefused("empty_file", "no header line")


def csv_rows(stream: TextIO) -> Iterator[list[str]]:
    """The rows behind the header line, blank lines left out; raises FileRefused on a broken or open quote."""
    rows = csv_cells(stream)
    next(rows, None)
    yield from filter(None, rows)


def positions(header: Sequence[str]) -> dict[str, int]:
    """Where each column stands; the first of two columns with one name counts."""
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        found.setdefault(column_name(cell), index)
    return found
