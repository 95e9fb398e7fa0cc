"""Recorded files played back as if a portal served them today."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from shared.errors import InvalidInput, NotFound
from shared.sandbox.table import Column, Table, number_column, table_of, written_column

COORDINATES = ("Lat", "Lon")


class Replays:
    """Layers made of recorded CSV files."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    def names(self) -> list[str]:
        """Names of the layers served now."""
        return list(self._tables)

    def table(self, name: str) -> Table:
        """Rows of a layer."""
        return self._tables[name]

    def add(self, name: str, path: Path) -> int:
        """Serve the CSV file, or all CSV files of the folder, under a name; the number of rows."""
        files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not files or not all(file.is_file() and file.suffix == ".csv" for file in files):
            raise NotFound(f"no recorded CSV file at {path}")
        rows = [row for file in files for row in _rows(file)]
        self._tables[name] = _table(rows)
        return len(rows)

    def clear(self) -> None:
        """Forget all layers."""
        self._tables.clear()


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(lines)]


def _table(rows: list[dict[str, str]]) -> Table:
    """Columns typed as the portal that was recorded types them."""
    names = list(rows[0]) if rows else []
    if not {*COORDINATES, "ObjectId"} <= set(names):
        raise InvalidInput("a recorded layer needs the columns ObjectId, Lat and Lon")
    return table_of([_column(name, [row.get(name, "") for row in rows]) for name in names], len(rows))


def _column(name: str, texts: list[str]) -> Column:
    whole = name == "ObjectId" or name.startswith("Date_")
    if not (whole or name in COORDINATES or name == "Const_Cost"):
        return written_column(name, texts)
    return number_column(name, np.array([_number(text) for text in texts]), whole=whole)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
