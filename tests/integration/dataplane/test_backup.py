"""A backup brings back what was there, and a failure on the way changes nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from shared.cli.archive import read_archive, read_manifest, write_archive
from shared.cli.postgres_tools import Server, drop_database, tool
from shared.errors import Conflict, InvalidInput, RidgelineError, Unavailable
from shared.settings import Settings


@pytest.fixture
def settings(server_url: str, template_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation with a database and an object store of its own."""
    server, name = Server.of(server_url), f"ridgeline_backup_{uuid4().hex[:12]}"
    with server.connect() as connection:
        clone = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(clone.format(sql.Identifier(name), sql.Identifier(template_database)))
    store = tmp_path / "objects"
    (store / "tiles").mkdir(parents=True)
    (store / "tiles" / "one two.png").write_bytes(b"\x89PNG one")
    yield Settings.model_validate(
        {
            "DATABASE_URL": server_url.rpartition("/")[0] + f"/{name}",
            "OBJECT_STORE_URL": store.as_uri(),
            "FIELD_KEYS": "k1:never-in-a-file",
        }
    )
    drop_database(server, name)


def connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True)


def add_workflow(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute(
            "INSERT INTO core.workflow (id, kind, status, input) VALUES (gen_random_uuid(), 'city', 'done', '{}')"
        )


def workflows(settings: Settings) -> int:
    with connect(settings) as connection:
        row = connection.execute("SELECT count(*) FROM core.workflow").fetchone()
    assert row is not None
    return int(row[0])


def stored(settings: Settings) -> dict[str, bytes]:
    folder = Path(settings.object_store.removeprefix("file://"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def databases(settings: Settings) -> set[str]:
    with connect(settings) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    name = settings.database_url.rpartition("/")[2]
    return {str(row[0]) for row in rows if str(row[0]).startswith(name)}


def test_restore_brings_back_rows_and_objects(settings: Settings, tmp_path: Path) -> None:
    add_workflow(settings)
    before = stored(settings)
    file = tmp_path / "backup.tar"
    written = write_archive(file, settings)
    assert (written.objects, file.stat().st_mode & 0o077) == (1, 0)

    add_workflow(settings)
    Path(settings.object_store.removeprefix("file://"), "later.png").write_bytes(b"later")
    restored = read_archive(file, settings, replace=True)

    assert restored.revision == written.revision
    assert workflows(settings) == 1
    assert stored(settings) == before
    assert len(databases(settings)) == 1, "neither the scratch nor the retired database stays"


def test_restored_database_holds_its_rules_and_rights(settings: Settings, tmp_path: Path) -> None:
    write_archive(tmp_path / "backup.tar", settings)
    read_archive(tmp_path / "backup.tar", settings, replace=True)
    with connect(settings) as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                "INSERT INTO core.workflow (id, kind, status, input) VALUES (gen_random_uuid(), 'x', 'odd', '{}')"
            )
        connection.execute("SET ROLE svc_enricher")
        connection.execute("UPDATE base_leads SET owner_email = 'ciphertext' WHERE false")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE base_leads SET price = 1")


def test_database_with_data_is_not_replaced_unasked(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    write_archive(file, settings)
    add_workflow(settings)
    with pytest.raises(Conflict, match="--replace"):
        read_archive(file, settings, replace=False)
    assert workflows(settings) == 1


def test_backup_is_never_written_over_another(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    file.write_text("precious")
    with pytest.raises(Conflict, match="never written over"):
        write_archive(file, settings)
    assert file.read_text() == "precious"


def cut_short(file: Path, torn: Path) -> None:
    """A copy that ended in the middle."""
    torn.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def with_torn_dump(file: Path, torn: Path) -> None:
    """A whole archive whose dump ended in the middle."""
    with tarfile.open(file) as source, tarfile.open(torn, "w") as target:
        for member in source:
            stream = source.extractfile(member)
            assert stream is not None
            content = stream.read()
            content = content[: len(content) // 2] if member.name == "database.dump" else content
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("tear", [cut_short, with_torn_dump])
def test_torn_backup_changes_nothing(
    settings: Settings, tmp_path: Path, tear: Callable[[Path, Path], None]
) -> None:
    file = tmp_path / "backup.tar"
    write_archive(file, settings)
    torn = tmp_path / "torn.tar"
    tear(file, torn)
    add_workflow(settings)
    before = stored(settings)
    with pytest.raises(RidgelineError):
        read_archive(torn, settings, replace=True)
    assert workflows(settings) == 1
    assert stored(settings) == before
    assert len(databases(settings)) == 1


def test_foreign_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    foreign = tmp_path / "photo.tar"
    foreign.write_bytes(b"not a tar")
    with pytest.raises(InvalidInput, match="is no backup"):
        read_archive(foreign, settings, replace=True)


def test_other_keys_are_told(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    write_archive(file, settings)
    assert b"never-in-a-file" not in file.read_bytes()
    other = settings.model_copy(
        update={"field_keys": Settings.model_validate({"FIELD_KEYS": "k2:b"}).field_keys}
    )
    assert read_archive(file, other, replace=True).keys_missing
    assert not read_archive(file, settings, replace=True).keys_missing
    assert read_manifest(file).keys_missing is False


def test_no_program_of_a_later_version_is_told() -> None:
    with pytest.raises(Unavailable, match="no pg_dump for PostgreSQL 99"):
        tool("pg_dump", 99)
