"""Files of the do-not-call registry into the database, for `ridgeline import dnc`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from itertools import islice
from pathlib import Path
from typing import IO, Final

from services.enricher.domain.dnc import FileKind, NotTheRegistry, RegistryRow, read_registry
from services.enricher.repository import DncRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.files import LONGEST_LINE_BYTES, ZIP_MAGIC, FileRefused, only_member, open_file, unpacking
from shared.security.fields import KeyRing
from shared.settings import Settings

BATCH_ROWS: Final = 1_000
"""Every suppressed key holds a lock until its transaction ends, and the server's lock table is small."""


@dataclass(slots=True)
class DncReport:
    """What became of the rows of the files; `kept` were taken off the registry and stay suppressed with us."""

    read: int = 0
    listed: int = 0
    known: int = 0
    kept: int = 0
    rejected: int = 0
    notes: list[str] = field(default_factory=list)
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return {name: count for name, count in asdict(self).items() if isinstance(count, int)}


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a first reading of a file tells: it is sound to its end."""

    sha256: str
    kind: FileKind
    area_codes: frozenset[str]
    rows: int


async def import_dnc(
    paths: Sequence[Path],
    unit_of_work: UnitOfWorkFactory,
    *,
    registry_date: date,
    whole_registry: bool,
    keys: KeyRing | None = None,
) -> DncReport:
    """Suppress the numbers of registry files and record what they cover.

    A file with a line that is none of the registry's is refused before anything of it is stored; one that broke
    off half-way is not recorded and may be imported again. `registry_date` is the day the registry's files were made.
    """
    report, ring = DncReport(), keys or KeyRing.from_settings(Settings())
    version = datetime.combine(registry_date, time(), UTC)
    for path in paths:
        try:
            scan = await asyncio.to_thread(_scan, path)
        except (NotTheRegistry, FileRefused, OSError, UnicodeDecodeError) as error:
            report.notes.append(f"{path.name}: refused, {error}")
            continue
        codes = [] if whole_registry else sorted(scan.area_codes)
        refusal = await _refusal(unit_of_work, scan, codes)
        if refusal:
            report.notes.append(f"{path.name}: refused, {refusal}")
            continue
        await _store(path, unit_of_work, ring, report)
        async with unit_of_work() as uow:
            await DncRepository(uow.session).record_import(codes, version, scan.rows, scan.sha256)
    return report


async def _refusal(unit_of_work: UnitOfWorkFactory, scan: _Scan, codes: list[str]) -> str | None:
    """Why a sound file may not be taken: nothing in it, or changes to a list that we never had."""
    if not scan.rows:
        return "it holds no number"
    if scan.kind is FileKind.FULL:
        return None
    async with unit_of_work() as uow:
        missing = await DncRepository(uow.session).uncovered(codes)
    return f"no full list of {', '.join(missing)} was imported before these changes" if missing else None


def _scan(path: Path) -> _Scan:
    with path.open("rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    kind, codes, rows = FileKind.FULL, set(), 0
    with _opened(path) as lines:
        for row in read_registry(lines):
            kind, rows = row.kind, rows + 1
            codes.add(row.area_code)
    return _Scan(digest, kind, frozenset(codes), rows)


async def _store(path: Path, unit_of_work: UnitOfWorkFactory, ring: KeyRing, report: DncReport) -> None:
    with _opened(path) as lines:
        rows: Iterator[RegistryRow] = read_registry(lines)
        while batch := list(islice(rows, BATCH_ROWS)):
            hashes = sorted({ring.blind_index(row.number, "phone") for row in batch if row.listed})
            async with unit_of_work() as uow:
                new = await DncRepository(uow.session).suppress(hashes, source=path.name)
            listed = sum(1 for row in batch if row.listed)
            report.read += len(batch)
            report.listed += new
            report.known += listed - new
            report.kept += len(batch) - listed


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a plain, gzipped or zipped file; FileRefused where it is cut or an archive of several."""
    with path.open("rb") as stream:
        zipped = stream.read(4) == ZIP_MAGIC
    with unpacking(), open_file(path, only_member(path) if zipped else None) as unpacked:
        yield _lines(unpacked)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines, cut where no line of the registry is so long: a file without line ends would fill memory."""
    while line := stream.readline(LONGEST_LINE_BYTES):
        yield line.decode("ascii")
