"""Files of aged leads."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.marketplace.domain.aged_person import known_columns


def aged_line(number: int, *, days: int = 200, **changes: Any) -> dict[str, Any]:
    """A sound line: a Gold lead of Caddo, so many days and an hour old, with a phone of its own."""
    originated = datetime.now(UTC) - timedelta(days=days, hours=1)
    return {
        "classification": "Gold",
        "created_at_utc": originated.isoformat(),
        "state": "LA",
        "county": "Caddo",
        "city": "Shreveport",
        "zip": "71101",
        "first_name": f"John{number}",
        "last_name": "Doe",
        "phone": f"+1318{2_000_000 + number}",
        "email": f"john{number}@doe.example",
        "address": f"{100 + number} Line Ave",
        "mortgage_amount": "245000",
        **changes,
    }


def aged_file(folder: Path, lines: list[dict[str, Any]], name: str = "leads.csv") -> Path:
    """The lines as a file."""
    path = folder / name
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, known_columns())
        writer.writeheader()
        writer.writerows(lines)
    return path
