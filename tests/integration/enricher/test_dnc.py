"""The do-not-call registry: its files into the database, and what they allow to be shown."""

from __future__ import annotations

import asyncio
import gzip
import json
import zipfile
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.enricher.imports import DncReport, import_dnc
from services.enricher.repository import DncRepository
from shared.cli.main import build
from shared.security.fields import KeyRing

RING = KeyRing({"k1": b"1" * 32}, b"2" * 32)
TODAY = datetime.now(UTC).date()


@pytest.fixture
async def empty(committed_db: Any) -> Any:
    """A database that knows no registry."""
    async with committed_db() as session, session.begin():
        await session.execute(text("DELETE FROM compliance.dnc_import"))
    return committed_db


async def load(paths: list[Path], unit_of_work: Any, *, day: date = TODAY, whole: bool = False) -> DncReport:
    return await import_dnc(paths, unit_of_work, registry_date=day, whole_registry=whole, keys=RING)


async def check(unit_of_work: Any, number: str) -> Any:
    async with unit_of_work() as uow:
        return await DncRepository(uow.session).check(RING.blind_index(number, "phone"), number[2:5])


async def test_a_full_list_lists_its_numbers_once_and_covers_its_area_codes(
    empty: Any, unit_of_work: Any, tmp_path: Path
) -> None:
    plain, packed, zipped = tmp_path / "214.txt", tmp_path / "325.txt.gz", tmp_path / "407.zip"
    plain.write_text("214,5550100\n214,5550101\n")
    packed.write_bytes(gzip.compress(b"325,5550100\n"))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("407.txt", "407,5550100\n")

    first = await load([plain, packed, zipped], unit_of_work)
    again = await load([plain], unit_of_work)

    assert (first.read, first.listed, first.notes) == (4, 4, [])
    assert (again.read, again.listed, again.known) == (2, 0, 2)
    listed, clear, other = [
        await check(unit_of_work, number) for number in ("+12145550100", "+12145550199", "+16145550100")
    ]
    assert (listed.listed, clear.listed, other.listed) == (True, False, False)
    assert clear.registry_version_at.date() == TODAY
    assert other.registry_version_at is None
    async with empty() as session:
        assert (await session.execute(text("SELECT count(*) FROM compliance.dnc_import"))).scalar_one() == 3


async def test_a_whole_registry_covers_every_area_code(empty: Any, unit_of_work: Any, tmp_path: Path) -> None:
    file = tmp_path / "all.txt"
    file.write_text("214,5550100\n")
    await load([file], unit_of_work, whole=True, day=TODAY - timedelta(days=40))
    assert (await check(unit_of_work, "+16145550100")).registry_version_at.date() == TODAY - timedelta(
        days=40
    )


async def test_a_broken_file_is_refused_whole(empty: Any, unit_of_work: Any, tmp_path: Path) -> None:
    file, nothing = tmp_path / "214.txt", tmp_path / "none.txt"
    file.write_text("214,5550100\nnot a number\n")
    nothing.write_text("\n")
    report = await load([file, nothing], unit_of_work)
    assert report.read == 0
    assert report.notes == [
        "214.txt: refused, line 2 is not one of a registry file",
        "none.txt: refused, it holds no number",
    ]
    said = await check(unit_of_work, "+12145550100")
    assert (said.listed, said.registry_version_at) == (False, None)


async def test_a_packed_file_is_read_whole_or_refused_by_name(
    empty: Any, unit_of_work: Any, tmp_path: Path
) -> None:
    files = {
        name: tmp_path / name for name in ("cut.gz", "bad.gz", "none.zip", "two.zip", "line.gz", "folder")
    }
    packed = gzip.compress(b"".join(b"214,%07d\n" % number for number in range(1_000)))
    files["cut.gz"].write_bytes(packed[: len(packed) // 2])
    files["bad.gz"].write_bytes(packed[:20] + b"\xff" * 20 + packed[40:])
    zipfile.ZipFile(files["none.zip"], "w").close()
    with zipfile.ZipFile(files["two.zip"], "w") as archive:
        archive.writestr("214.txt", "214,5550100\n")
        archive.writestr("325.txt", "325,5550100\n")
    files["line.gz"].write_bytes(gzip.compress(b"2" * 2_000_000))
    files["folder"].mkdir()
    report = await load(list(files.values()), unit_of_work, whole=True)
    assert report.read == 0
    assert [note.partition(": refused, ")[0] for note in report.notes] == list(files)
    assert (await check(unit_of_work, "+12145550100")).registry_version_at is None


async def test_changes_need_a_full_list_and_take_nobody_off(
    empty: Any, unit_of_work: Any, tmp_path: Path
) -> None:
    full, change = tmp_path / "full.txt", tmp_path / "change.txt"
    full.write_text("214,5550100\n")
    change.write_text("214,5550100,2026-11-20,D\n214,5550102,2026-11-20,A\n")
    early = await load([change], unit_of_work)
    assert early.notes == ["change.txt: refused, no full list of 214 was imported before these changes"]
    await load([full], unit_of_work, day=TODAY - timedelta(days=40))
    report = await load([change], unit_of_work)
    assert (report.read, report.listed, report.kept, report.notes) == (2, 1, 1, [])
    off, on = await check(unit_of_work, "+12145550100"), await check(unit_of_work, "+12145550102")
    assert (off.listed, on.listed) == (True, True)
    assert on.registry_version_at.date() == TODAY


async def test_the_command_prints_its_counts(
    empty: Any, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = urlsafe_b64encode(b"1" * 32).decode()
    for name, value in (
        ("DATABASE_URL", database_url),
        ("FIELD_KEYS", f"k1:{key}"),
        ("BLIND_INDEX_PEPPER", key),
    ):
        monkeypatch.setenv(name, value)
    (tmp_path / "214.txt").write_text("214,5550100\n")
    command = ["import", "dnc", str(tmp_path / "214.txt"), "--date", str(TODAY)]
    result = await asyncio.to_thread(CliRunner().invoke, build(), command)
    assert result.exception is None
    assert json.loads(result.stdout) == {"read": 1, "listed": 1, "known": 0, "kept": 0, "rejected": 0}
