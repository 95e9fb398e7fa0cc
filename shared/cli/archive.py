"""A backup: one tar file of a manifest, a database dump and the objects of a local store."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from shared.cli import postgres_tools
from shared.cli.postgres_tools import Server
from shared.errors import Conflict, InvalidInput
from shared.settings import Settings

FORMAT = 1
MANIFEST, DUMP, OBJECTS = "manifest.json", "database.dump", "objects"


@dataclass(frozen=True)
class Manifest:
    """What a backup holds."""

    format: int
    created_at: str
    revision: str
    objects: int
    object_store: str
    field_keys: tuple[str, ...]
    keys_missing: bool = False


def write_archive(file: Path, settings: Settings) -> Manifest:
    """Write a backup; the file appears only when it is whole."""
    if file.exists():
        raise Conflict(f"{file} exists; a backup is never written over another")
    server = Server.of(settings.database_url)
    store = local_store(settings)
    with _beside(file) as folder:
        dump = folder / DUMP
        with dump.open("wb") as stream:
            postgres_tools.dump(server, stream)
        # The dump comes first: an object is written before the row that names it.
        objects = (
            sorted(path for path in store.rglob("*") if path.is_file()) if store and store.exists() else []
        )
        manifest = Manifest(
            format=FORMAT,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=_revision(server, server.database),
            objects=len(objects),
            object_store="local" if store else "remote, not in this file",
            field_keys=key_fingerprints(settings),
        )
        whole = folder / "whole.tar"
        with tarfile.open(whole, "w") as tar:
            _add_text(tar, MANIFEST, json.dumps(asdict(manifest), indent=2))
            tar.add(dump, DUMP)
            for path in objects:
                tar.add(path, f"{OBJECTS}/{path.relative_to(store)}" if store else path.name, recursive=False)
        whole.chmod(0o600)
        whole.replace(file)
    return manifest


def read_archive(file: Path, settings: Settings, *, replace: bool) -> Manifest:
    """Put a backup in the place of database and objects; a failure on the way leaves both as they were."""
    manifest = read_manifest(file)
    server = Server.of(settings.database_url)
    if not replace and _holds_data(server):
        raise Conflict(f"database {server.database} holds data; --replace puts the backup in its place")
    mark = datetime.now(UTC).strftime("%Y%m%d%H%M%S%f")
    fresh, retired = f"{server.database}_restore_{mark}", f"{server.database}_retired_{mark}"
    store = local_store(settings)
    with _beside(store or file) as folder:
        objects = _unpack(file, folder)
        postgres_tools.create_database(server, fresh)
        try:
            postgres_tools.load(server, fresh, folder / DUMP)
            _refuse_other_revision(server, fresh, manifest)
            _grant(settings, fresh)
            postgres_tools.swap_database(server, fresh, retired=retired)
        except BaseException:
            postgres_tools.drop_database(server, fresh)
            raise
        if store is not None:
            _swap_folder(objects, store)
        postgres_tools.drop_database(server, retired)
    missing = not set(manifest.field_keys) <= set(key_fingerprints(settings))
    return Manifest(**{**asdict(manifest), "field_keys": manifest.field_keys, "keys_missing": missing})


def read_manifest(file: Path) -> Manifest:
    """The manifest of a backup; InvalidInput for any other file."""
    try:
        with tarfile.open(file) as tar:
            stream = tar.extractfile(MANIFEST)
            raw = json.load(stream) if stream else {}
        if raw.get("format") != FORMAT:
            raise InvalidInput(f"{file} is no backup of format {FORMAT}")
        return Manifest(**{**raw, "field_keys": tuple(raw["field_keys"])})
    except FileNotFoundError:
        raise InvalidInput(f"{file} does not exist") from None
    except (tarfile.TarError, AttributeError, KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"{file} is no backup: {error}") from error


def local_store(settings: Settings) -> Path | None:
    """The folder of a local object store, None for a remote one."""
    parts = urlsplit(settings.object_store)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def key_fingerprints(settings: Settings) -> tuple[str, ...]:
    """What tells one key-encryption key from another without telling the key."""
    keys = [key for key in settings.field_keys.get_secret_value().split(",") if key]
    return tuple(hashlib.sha256(b"ridgeline-backup:" + key.strip().encode()).hexdigest()[:16] for key in keys)


def _unpack(file: Path, folder: Path) -> Path:
    """Write the dump and the objects into a folder; names that lead out of it are refused."""
    objects = folder / OBJECTS
    objects.mkdir()
    try:
        _unpack_members(file, folder)
    except (tarfile.TarError, EOFError) as error:
        raise InvalidInput(f"{file} is torn: {error}") from error
    return objects


def _unpack_members(file: Path, folder: Path) -> None:
    with tarfile.open(file) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts or not member.isfile():
                raise InvalidInput(f"{file} holds an entry that no backup has: {member.name}")
            if member.name != DUMP and name.parts[0] != OBJECTS:
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            if source is not None:
                with source, target.open("wb") as stream:
                    shutil.copyfileobj(source, stream)


def _swap_folder(fresh: Path, store: Path) -> None:
    """Put the fresh folder in the place of the store."""
    retired = fresh.with_name("retired")
    if store.exists():
        store.rename(retired)
    fresh.rename(store)


def _grant(settings: Settings, database: str) -> None:
    """Rights are not in the dump: roles belong to the server."""
    from sqlalchemy.engine import make_url

    from shared.db import migrate

    migrate.apply_roles(
        make_url(settings.database_url).set(database=database).render_as_string(hide_password=False)
    )


def _refuse_other_revision(server: Server, database: str, manifest: Manifest) -> None:
    found = _revision(server, database)
    if found != manifest.revision:
        raise InvalidInput(f"the backup holds schema {found} and says {manifest.revision}")


def _revision(server: Server, database: str) -> str:
    with server.connect(database) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _holds_data(server: Server) -> bool:
    """True when a workflow, a permit, a lead or a contractor is stored."""
    with server.connect("postgres") as connection:
        there = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [server.database]
        ).fetchone()
    if not there:
        return False
    with server.connect() as connection:
        found = connection.execute("SELECT to_regclass('core.workflow') IS NOT NULL").fetchone()
        if not found or not found[0]:
            return False
        rows = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM core.workflow) OR EXISTS (SELECT 1 FROM roofing_permits)"
            " OR EXISTS (SELECT 1 FROM base_leads) OR EXISTS (SELECT 1 FROM contractors)"
        ).fetchone()
    return bool(rows and rows[0])


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    raw = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(raw)
    tar.addfile(member, io.BytesIO(raw))


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A scratch folder on the same disk, so that a rename finishes the work at once."""
    parent = path.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ridgeline-", dir=parent) as folder:
        yield Path(folder)
