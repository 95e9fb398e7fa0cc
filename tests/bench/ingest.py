"""How fast permits get in: address keys a second, and a file of real rows through `ridgeline import`.

Needs the handed-over data. The file repeats Nashville's permits under numbers and remarks of their own, so that no
row is a duplicate and no text was seen before; its houses repeat, as permits of a house do.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from services.scraper.domain.addresses import is_settled, read_address
from shared.schemas.address import parse_address
from tests.bench.figure import Figure
from tests.faults.chaos import prepare
from tests.faults.plane import ROOT, Plane, own_plane
from tests.faults.report import say
from tests.measure.addresses import Written, crf_key, house_of, permit_addresses
from tests.measure.files import handed_over

KEYS_GOAL = 25_000
ROWS = 200_000
ROWS_GOAL = 12_000
MEMORY_GOAL_MB = 200.0
NASHVILLE = "data/permits/arcgis_hub/nashville_building_permits_part1.csv"
NUMBER, PURPOSE = "Permit__", "Purpose"
BASELINE_ADDRESSES = 3000


def figures() -> list[Figure]:
    """The figures of the way in; none, and a word why, without the handed-over data."""
    folder = handed_over()
    if folder is None:
        say("ingest: skipped, the handed-over material is not there (RIDGELINE_SHARED names its folder)")
        return []
    with own_plane() as plane, tempfile.TemporaryDirectory(prefix="ridgeline-ingest-") as scratch:
        prepare(plane)
        return [_keys(permit_addresses(folder)), *_import(plane, _multiplied(folder, Path(scratch)))]


def _keys(addresses: list[Written]) -> Figure:
    began = time.process_time()
    found = [read_address(*written) for written in addresses]
    keys = [address.key for address in found]
    seconds = time.process_time() - began
    crf = [crf_key(written.text, address) for written, address in zip(addresses, found, strict=True)]
    began = time.process_time()
    for written in addresses[:BASELINE_ADDRESSES]:
        crf_key(written.text, found[0])
    alone = BASELINE_ADDRESSES / (time.process_time() - began)
    asked = sum(not is_settled(written.text, parse_address(*written)) for written in addresses)
    same = sum(one == other for one, other in zip(keys, crf, strict=True))
    houses = sum(
        other is not None and house_of(one) == house_of(other) for one, other in zip(keys, crf, strict=True)
    )
    return Figure(
        "address keys",
        round(len(keys) / seconds),
        "keys/s",
        KEYS_GOAL,
        at_most=False,
        baseline="usaddress alone, keys a second",
        baseline_value=round(alone),
        cpu_ms_each=round(1000 * seconds / len(keys), 3),
        parts={
            "addresses": len(keys),
            "left to usaddress": asked,
            "same key": round(same / len(keys), 4),
            "same house": round(houses / len(keys), 4),
        },
    )


def _multiplied(folder: Path, scratch: Path) -> Path:
    """A file of at least ROWS permits."""
    with (folder / NASHVILLE).open(newline="", encoding="utf-8") as source:
        reader = csv.DictReader(source)
        columns, permits = list(reader.fieldnames or ()), list(reader)
    path = scratch / "permits.csv"
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, columns)
        writer.writeheader()
        for copy in range(-(-ROWS // len(permits))):
            writer.writerows(
                {**row, NUMBER: f"{row[NUMBER]}-{copy}", PURPOSE: f"{row[PURPOSE]} ({copy})"}
                for row in permits
            )
    return path


@dataclass(frozen=True)
class _Imported:
    rows: int
    seconds: float
    cpu_seconds: float
    database_seconds: float
    peak_mb: float


def _import(plane: Plane, path: Path) -> list[Figure]:
    copied = _copied_a_second(plane, path)
    done = _imported(plane, path)
    return [
        Figure(
            "permits imported",
            round(done.rows / done.seconds),
            "rows/s",
            ROWS_GOAL,
            at_most=False,
            baseline="COPY of the same rows as text, a second",
            baseline_value=round(copied),
            cpu_ms_each=round(1000 * (done.cpu_seconds + done.database_seconds) / done.rows, 3),
            parts={
                "rows": done.rows,
                "seconds": round(done.seconds, 1),
                "of them at work here": round(done.cpu_seconds, 1),
                "and in the database": round(done.database_seconds, 1),
            },
        ),
        Figure(
            "importer's peak memory",
            round(done.peak_mb, 1),
            "MB",
            MEMORY_GOAL_MB,
            at_most=True,
            baseline="the file, MB",
            baseline_value=round(path.stat().st_size / 1e6, 1),
        ),
    ]


def _copied_a_second(plane: Plane, path: Path) -> float:
    with path.open(newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    with psycopg.connect(plane.database_url.replace("+psycopg", "")) as connection:
        connection.execute(f"CREATE TABLE raw_text ({', '.join(f'{name} text' for name in columns)})")
        began = time.perf_counter()
        with connection.cursor() as cursor:
            with (
                cursor.copy("COPY raw_text FROM STDIN (FORMAT csv, HEADER)") as copy,
                path.open("rb") as rows,
            ):
                while block := rows.read(1 << 20):
                    copy.write(block)
            count = cursor.rowcount
        connection.commit()
        return count / (time.perf_counter() - began)


def _imported(plane: Plane, path: Path) -> _Imported:
    """The command as an operator runs it, its start included."""
    worked, began = _database_seconds(plane), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "import", "permits", str(path)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": plane.database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    peak: list[float] = [0.0]
    watcher = threading.Thread(target=_watch_peak, args=(process.pid, peak))
    watcher.start()
    report = json.loads(process.stdout.read())
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    outcomes = sum(report[name] for name in ("stored", "updated", "duplicate", "rejected"))
    if process.returncode or outcomes != report["read"]:
        raise RuntimeError(f"the import went wrong: {report}")
    return _Imported(
        report["read"],
        seconds,
        usage.ru_utime + usage.ru_stime,
        _database_seconds(plane) - worked,
        peak[0],
    )


def _watch_peak(pid: int, peak: list[float]) -> None:
    """Keep the process's highest resident size, MB, until it ends: ru_maxrss would tell of this one, its parent."""
    with suppress(OSError, IndexError):
        while True:
            status = Path(f"/proc/{pid}/status").read_text()
            peak[0] = max(peak[0], int(status.split("VmHWM:")[1].split()[0]) / 1024)
            time.sleep(0.02)


def _database_seconds(plane: Plane) -> float:
    """CPU seconds of the server until now, of its processes that live and those that ended."""
    server = plane.postgres.running_pid()
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, fields = int(path.parent.name), path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended in between
        if pid == server:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
