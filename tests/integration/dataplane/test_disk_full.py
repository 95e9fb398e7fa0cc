"""FAULTS 9: the database's disk is full; callers are told to come back, and nothing is half there."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, repeat
from pathlib import Path
from typing import Any, LiteralString

import pytest

from services.orchestrator.app import service
from services.orchestrator.settings import OrchestratorSettings
from shared.db import seed
from shared.security.policy import Role
from shared.workflow.schedule import seed_schedule
from tests.factories.services import RunningService, running, settings_with_keys
from tests.faults.chaos import connect, prepare
from tests.faults.plane import ROOT, Plane, own_plane

pytestmark = [pytest.mark.fault(9), pytest.mark.slow, pytest.mark.timeout(300)]

DISK = "240m"
ROWS = 40_000
HEADER = (
    "year,month,permit_number,applicant_name,site_address,construction_type,contractor,"
    "cost_approximate,permit_fee,hookup_fee,outside_city_limits"
)
MANY = 300
RUNS = "SELECT count(*) FROM core.schedule_run"
HALF = "SELECT count(*) FROM core.schedule_run WHERE workflow_id IS NULL"
WITHOUT_RAW = "SELECT count(*) FROM roofing_permits WHERE raw_record_id IS NULL"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of a few hundred megabytes that holds the data plane and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="ridgeline-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own size needs the right to mount one")
    monkeypatch.setenv("RIDGELINE_FAULTS_FOLDER", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def filled(disk: Path, *, spare: int) -> Iterator[None]:
    """No room on the disk but the spare bytes."""
    filler = disk / f"filler-{spare}"
    with filler.open("wb") as file:
        if room := max(0, shutil.disk_usage(disk).free - spare):
            os.posix_fallocate(file.fileno(), 0, room)
    yield
    filler.unlink()


def permits_file(path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        writer.writerows(
            ("2026", "06", f"RR-26-{n}", "PRIVATE PERSON", f"{n} NORTH AVE, SPEARFISH, SD 57783",
             "RESIDENTIAL REROOF", "BLACK HILLS EXTERIORS", "9000.00", "90.00", "", "False")
            for n in range(1, ROWS + 1)
        )  # fmt: skip
    return path


def imported(plane: Plane, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", "import", "permits", str(file)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": plane.database_url},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def number(plane: Plane, statement: LiteralString) -> int:
    with connect(plane) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


async def trigger(door: RunningService, key: str) -> Any:
    """Ask for a workflow; the same key makes one, however often it is sent."""
    async with door.client(token=door.user_token(Role.ADMIN), timeout=30) as client:
        return await client.post("/jobs/housekeeping/trigger", headers={"Idempotency-Key": key})


async def until(status: int, door: RunningService, keys: Iterator[str]) -> tuple[str, Any]:
    """The first answer of that status with its key, or the last of many when none comes."""
    key = next(keys)
    answer = await trigger(door, key)
    for _ in range(MANY):
        if answer.status_code == status:
            break
        key = next(keys)
        answer = await trigger(door, key)
    return key, answer


async def test_a_full_disk_costs_no_row_and_makes_no_half_of_one(disk: Path, tmp_path: Path) -> None:
    file = permits_file(tmp_path / "permits.csv")
    with own_plane() as plane:
        prepare(plane)
        seed.run(plane.database_url)
        settings = settings_with_keys(
            OrchestratorSettings, database_url=plane.database_url, redis_url=plane.redis_url, port_base=1
        )
        async with running(service, settings) as door:
            async with door.resources.unit_of_work() as uow:
                await seed_schedule(uow.session, service.name, tuple(service.schedule))
            with filled(disk, spare=12_000_000):
                failed = imported(plane, file)
                with filled(disk, spare=0):
                    key, refused = await until(503, door, (f"full-{n:08}" for n in count(1)))
            plane.postgres.stop()
            plane.postgres.start(plane.pg_port)
            kept = number(plane, "SELECT count(*) FROM roofing_permits")
            before = number(plane, RUNS)
            again = imported(plane, file)
            _, accepted = await until(202, door, repeat(key))

        assert failed.returncode == 1
        assert "the database" in failed.stderr
        assert "Traceback" not in failed.stderr
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert again.returncode == 0, again.stderr
        report = json.loads(again.stdout)
        assert (report["read"], report["stored"], report["duplicate"]) == (ROWS, ROWS - kept, kept)
        assert 0 <= kept < ROWS
        assert number(plane, "SELECT count(*) FROM roofing_permits") == ROWS
        assert number(plane, WITHOUT_RAW) == 0
        assert accepted.status_code == 202, accepted.text
        assert number(plane, RUNS) == before + 1
        assert number(plane, HALF) == 0
