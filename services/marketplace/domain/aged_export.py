"""The file of bought leads: 33 columns, none of which a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from services.marketplace.domain.aged_person import NUMBER, NUMERIC_FIELDS, PERSON_FIELDS

SALE_COLUMNS: Final = ("purchase_price", "purchase_date", "age_bucket_at_purchase")
LEAD_COLUMNS: Final = (
    "sale_id",
    "lead_id",
    "classification",
    "lead_created_at",
    "city",
    "county",
    "state",
    "zip",
    *PERSON_FIELDS,
)
COLUMNS: Final = (*SALE_COLUMNS, *LEAD_COLUMNS)

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet read a cell as a formula, the full-width forms included."""
PHONE: Final = re.compile(r"\+\d{8,15}")
TYPED: Final = {"phone": PHONE, **dict.fromkeys((*NUMERIC_FIELDS, "purchase_price"), NUMBER)}
"""Columns whose sign is part of the value, and the only shape in which it is left alone (C-45)."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file and the columns in which something had to be made harmless, with how often."""

    text: str
    neutralised: Mapping[str, int]


def harmless(column: str, value: str) -> str:
    """The value as a spreadsheet shows it: text that begins like a formula gets an apostrophe in front."""
    shape = TYPED.get(column)
    if shape is not None and shape.fullmatch(value):
        return value
    first = value.lstrip(" ")[:1] or value[:1]
    return f"'{value}" if first in DANGEROUS and value else value


def write_csv(rows: Iterable[Mapping[str, str | None]]) -> Export:
    """The rows as a CSV file with its header."""
    out, neutralised = io.StringIO(), dict[str, int]()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = []
        for column in COLUMNS:
            value = row.get(column) or ""
            safe = harmless(column, value)
            if safe != value:
                neutralised[column] = neutralised.get(column, 0) + 1
            cells.append(safe)
        writer.writerow(cells)
    return Export(out.getvalue(), neutralised)
