"""pg_dump and pg_restore of the right version, and the statements around them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from shared.errors import Unavailable, UpstreamFailed


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server and one of its databases, as libpq takes them."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @classmethod
    def of(cls, url: str) -> Server:
        """The server of a SQLAlchemy URL."""
        parts = make_url(url)
        return cls(
            parts.host or "127.0.0.1",
            parts.port or 5432,
            parts.username or "",
            parts.password or "",
            parts.database or "",
        )

    @contextmanager
    def connect(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A connection outside transactions, to this database or another one of the server."""
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or self.database,
            autocommit=True,
            connect_timeout=5,
            application_name="ridgeline-backup",
        ) as connection:
            yield connection

    def environment(self, database: str) -> dict[str, str]:
        """Variables for PostgreSQL's own programs; the password shows on no command line."""
        return {
            **os.environ,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }


def tool(name: str, major: int) -> Path:
    """The program of the server's major version or the next later one; an older one cannot read the server."""
    found: list[tuple[int, Path]] = []
    for folder in _folders():
        program = folder / name
        version = _major(program) if os.access(program, os.X_OK) else None
        if version is not None and version >= major:
            found.append((version, program))
    if not found:
        raise Unavailable(f"no {name} for PostgreSQL {major} here; install postgresql-client-{major}")
    return min(found)[1]


def dump(server: Server, out: IO[bytes]) -> None:
    """Write the database, as of one moment, in pg_dump's own format."""
    with server.connect() as connection:
        program = tool("pg_dump", connection.info.server_version // 10_000)
    _run([str(program), "--format=custom", "--compress=6"], server.environment(server.database), stdout=out)


def load(server: Server, database: str, archive: Path) -> None:
    """Fill an empty database from a dump; owners and rights are the caller's to set."""
    with server.connect("postgres") as connection:
        program = tool("pg_restore", connection.info.server_version // 10_000)
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--jobs=2", f"--dbname={database}"]
    _run([str(program), *options, str(archive)], server.environment(database))


def create_database(server: Server, name: str) -> None:
    """Make an empty database."""
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def drop_database(server: Server, name: str) -> None:
    """Remove a database and whoever is connected to it."""
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def swap_database(server: Server, fresh: str, *, retired: str) -> None:
    """Give `fresh` the name of the server's database, which is renamed to `retired` if it is there."""
    target = sql.Identifier(server.database)
    with server.connect("postgres") as connection, connection.transaction():
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [server.database],
        )
        there = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [server.database]
        ).fetchone()
        if there:
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(target, sql.Identifier(retired)))
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(fresh), target))


def _folders() -> list[Path]:
    """Folders that may hold PostgreSQL's programs."""
    named = os.environ.get("RIDGELINE_PG_BIN")
    on_path = shutil.which("pg_dump")
    return [
        *([Path(named)] if named else []),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin")),
        *([Path(on_path).parent] if on_path else []),
    ]


def _major(program: Path) -> int | None:
    answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\) (\d+)", answer)
    return int(match.group(1)) if match else None


def _run(command: list[str], environment: dict[str, str], *, stdout: IO[bytes] | None = None) -> None:
    done = subprocess.run(
        command, env=environment, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise UpstreamFailed(f"{Path(command[0]).name} failed: {words[-1500:]}")
