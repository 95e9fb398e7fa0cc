"""The handed-over permit files through the importer's own parsers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from services.scraper.domain.rows import PermitRow
from services.scraper.formats.files import inspect
from services.scraper.formats.permits import parse_permits
from shared.files import FileRefused

HANDED_OVER = Path(__file__).resolve().parents[3] / "shared"
TODAY = date(2026, 11, 22)
MADE_BY = {"accela_export": ("Ontario", "CA"), "energov": ("Southlake", "TX")}


def handed_over() -> Path | None:
    """The folder of the real files, or None where it is absent."""
    folder = Path(os.environ.get("RIDGELINE_SHARED", HANDED_OVER))
    return folder if (folder / "data" / "permits").is_dir() else None


def permit_files(folder: Path) -> list[Path]:
    """Every file of permits, in a stable order."""
    return sorted(path for path in (folder / "data" / "permits").rglob("*") if path.is_file())


def permits_of(path: Path) -> Iterator[PermitRow]:
    """The permits that are kept of a file; none of one that is refused."""
    try:
        rows = parse_permits(inspect(path), today=TODAY, jurisdiction=MADE_BY.get(path.parent.name))
    except FileRefused:
        return
    yield from (row for row in rows if isinstance(row, PermitRow))
