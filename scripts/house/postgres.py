"""The checkout's own PostgreSQL cluster: made once, found by its data folder, never by a port."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from house.packages import find_postgres, postgres_major
from house.shell import (
    Account,
    SetupError,
    pick_port,
    port_is_free,
    run,
    run_detaching,
    say,
    tail,
    warn,
    write_private,
)

ROLE = "ridgeline"
DATABASE = "ridgeline"
EXTENSIONS = ("postgis", "pg_trgm", "pgcrypto", "citext")
# TCP only: a socket's path has 107 bytes at most, which a deep checkout exceeds.
# Durability is on: only databases of tests may relax it, each for itself.
CONFIGURATION = """\
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = {buffers}MB
wal_compression = lz4
max_wal_size = 4GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
fsync = on
full_page_writes = on
synchronous_commit = on
"""


def buffers_mb(memory_mb: int) -> int:
    """MiB that PostgreSQL keeps pages in: an eighth of the machine's memory, one GiB at least and four at most."""
    return min(max(memory_mb // 8, 1024), 4096)


@dataclass(frozen=True)
class Postgres:
    """One cluster: its programs, its folder, the account it runs as and its password."""

    bin: Path
    folder: Path
    account: Account | None
    password: str

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def exists(self) -> bool:
        """True when the cluster was made."""
        return (self.data / "PG_VERSION").is_file()

    def running_pid(self) -> int | None:
        """Process id of this cluster's server: one that works in this data folder, whatever the file says."""
        pid = _first_line_as_int(self.data / "postmaster.pid")
        if pid is None:
            return None
        try:
            return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data.resolve() else None
        except OSError:
            return None

    def create(self) -> None:
        """Make the cluster; a run that was cut short leaves nothing that looks like one."""
        if self.exists():
            return
        say("making the PostgreSQL cluster")
        fresh, secret = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        write_private(secret, self.password + "\n")
        if self.account is not None:
            shutil.chown(secret, self.account.uid, self.account.gid)  # initdb reopens it as the service user
        try:
            options = [
                "-U",
                ROLE,
                "-A",
                "scram-sha-256",
                f"--pwfile={secret}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-k",
            ]
            run([self.bin / "initdb", "-D", fresh, *options], account=self.account)
        finally:
            secret.unlink(missing_ok=True)
        with (fresh / "postgresql.conf").open("a") as stream:
            stream.write("include 'ridgeline.conf'\n")
        fresh.rename(self.data)

    def start(self, port: int) -> int:
        """The port it listens on: `port`, the one it already has, or another when a stranger took it."""
        self._refuse_other_version()
        if self.running_pid() is not None:
            return self._port_in_use() or port
        (self.data / "postmaster.pid").unlink(
            missing_ok=True
        )  # left by a crash; its pid may be anybody's by now
        if not port or not port_is_free(port):
            if port:
                warn(f"port {port} of PostgreSQL was taken by another process; moving")
            port = pick_port()
        self._write_configuration(port)
        command = [self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "120", "-l", self.log, "start"]
        if run_detaching(command, account=self.account, log=Path("/dev/null")) != 0:
            raise SetupError(f"PostgreSQL did not start; the end of {self.log}:\n{tail(self.log)}")
        return port

    def stop(self) -> bool:
        """True when it ran; waits until it is down, every transaction kept or rolled back."""
        if self.running_pid() is None:
            return False
        run(
            [self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "60", "-m", "fast", "stop"],
            account=self.account,
        )
        return True

    def verify(self, port: int) -> None:
        """Stop unless the server behind the port is this very cluster."""
        answer = self.sql(port, "show data_directory", database="postgres")
        if Path(answer).resolve() != self.data.resolve():
            raise SetupError(f"port {port} answers from another PostgreSQL cluster: {answer}")

    def prepare(self, port: int) -> None:
        """Make the demo's database and its extensions."""
        found = self.sql(
            port, "select count(*) from pg_database where datname = 'ridgeline'", database="postgres"
        )
        if found == "0":
            self.sql(port, f"create database {DATABASE}", database="postgres")
        self.sql(port, "; ".join(f"create extension if not exists {name}" for name in EXTENSIONS))

    def sql(self, port: int, statement: str, *, database: str = DATABASE) -> str:
        """The answer of one statement as text."""
        psql = [
            self.bin / "psql",
            "-qAtX",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            ROLE,
        ]
        quiet = {
            "PGPASSWORD": self.password,
            "PGOPTIONS": "-c client_min_messages=warning",
            "PGSSLMODE": "disable",
        }
        return run([*psql, "-d", database, "-c", statement], env=quiet).stdout.strip()

    def _port_in_use(self) -> int | None:
        """The port the running server wrote into its pid file."""
        lines = (self.data / "postmaster.pid").read_text().splitlines()
        return int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else None

    def _write_configuration(self, port: int) -> None:
        path = self.data / "ridgeline.conf"
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        write_private(path, CONFIGURATION.format(port=port, buffers=buffers_mb(memory_mb)))
        if self.account is not None:
            shutil.chown(path, self.account.uid, self.account.gid)

    def _refuse_other_version(self) -> None:
        """A cluster is started by its own major version only."""
        made_by = int((self.data / "PG_VERSION").read_text())
        if postgres_major(self.bin) != made_by:
            raise SetupError(
                f"the cluster in {self.data} was made by PostgreSQL {made_by}, which is gone; "
                "install it again, or `make clean` (this deletes the cluster)"
            )


def programs_for(folder: Path, newest: Path) -> Path:
    """The program folder that fits an existing cluster, the newest one where there is no cluster yet."""
    try:
        made_by = int((folder / "data" / "PG_VERSION").read_text())
    except FileNotFoundError:
        return newest
    return find_postgres(made_by) or newest


def _first_line_as_int(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
