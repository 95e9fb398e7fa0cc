"""Where a checkout keeps its things, and which user its servers run as."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import pwd
from dataclasses import asdict, dataclass
from pathlib import Path

from house.shell import Account, SetupError, run, write_private

ROOT = Path(__file__).resolve().parents[2]
SERVICE_USER = "postgres"  # made by Debian's postgresql-common; PostgreSQL refuses to run as root
SYSTEM_FOLDER = Path("/var/lib")


@dataclass(frozen=True)
class Home:
    """The folder that holds a checkout's ports, passwords, servers and environment file."""

    folder: Path
    root: Path = ROOT

    @property
    def env_file(self) -> Path:
        """Addresses and secrets, one KEY=VALUE a line."""
        return self.folder / "env"

    @property
    def record_file(self) -> Path:
        """What the data plane is and where it lies."""
        return self.folder / "dataplane.json"

    @property
    def log(self) -> Path:
        """What the commands of the set-up printed."""
        return self.folder / "setup.log"

    @property
    def fallback(self) -> Path:
        """A folder the service user can enter, of this checkout alone."""
        owner = self.root if self.folder == self.root / ".ridgeline" else self.folder
        return SYSTEM_FOLDER / f"ridgeline-{hashlib.sha256(str(owner).encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Record:
    """The data plane as it was made; kept as JSON beside the environment file."""

    home: str
    mode: str
    folder: str
    pg_bin: str = ""
    redis_server: str = ""
    pg_port: int = 0
    redis_port: int = 0


def this_home() -> Home:
    """The home named by RIDGELINE_HOME, or `.ridgeline` in the checkout."""
    named = os.environ.get("RIDGELINE_HOME")
    return Home(Path(named).resolve() if named else ROOT / ".ridgeline")


def read_record(home: Home) -> Record | None:
    """The record of the data plane, None before the first start."""
    try:
        return Record(**json.loads(home.record_file.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as broken:
        raise SetupError(f"{home.record_file} cannot be read ({broken}); run `make clean`") from broken


def write_record(home: Home, record: Record) -> None:
    """Keep the record."""
    write_private(home.record_file, json.dumps(asdict(record), indent=2) + "\n")


def refuse_a_copy(home: Home, record: Record | None) -> None:
    """Stop when this folder was copied from a checkout that still stands: clones never share one."""
    if record is None or Path(record.home) == home.folder or not Path(record.home).exists():
        return
    raise SetupError(
        f"{home.folder} was copied from {record.home}, whose servers it would share; "
        f"run `make clean` here (it removes the copy only), then again"
    )


def refuse_foreign_owner(home: Home) -> None:
    """Stop when the folder belongs to another user, whose servers we could neither read nor stop."""
    try:
        owner = home.folder.stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        name = _user_name(owner)
        raise SetupError(f"{home.folder} belongs to {name}; run as {name}, or `make clean` as {name} first")


def service_account() -> Account | None:
    """Whom servers run as: None for ourselves, the service user when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        raise SetupError(
            f"root needs a user {SERVICE_USER!r} to run PostgreSQL as; postgresql-common makes it"
        ) from None
    groups = tuple(group.gr_gid for group in grp.getgrall() if SERVICE_USER in group.gr_mem)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups)


def server_folder(home: Home, account: Account | None) -> Path:
    """The folder for the servers' data: in the home, or under /var/lib where they cannot enter that."""
    if account is None:
        return home.folder
    entered = run(["test", "-x", home.folder], account=account, check=False).returncode == 0
    return home.folder if entered else home.fallback


def own_folder(path: Path, account: Account | None) -> Path:
    """The folder, made if need be, closed to everybody but the account."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
