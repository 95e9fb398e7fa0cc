"""The programs the data plane needs: found on the machine, or installed from its packages."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from house.paths import ROOT, Home
from house.shell import SetupError, run, say, warn

OLDEST_POSTGRES = 15
OLDEST_REDIS = 7
FOR_TESTS = (
    {"prometheus": "prometheus", "promtool": "prometheus", "amtool": "prometheus-alertmanager"},
    {"chromium": "chromium", "chromedriver": "chromium-driver"},
)
"""What tests run for real, program by package: rules and dashboards, and pages whose rows a script writes."""
INSTALLER = ROOT / "scripts" / "install-packages"


@dataclass(frozen=True)
class Programs:
    """Where the servers' programs lie."""

    pg_bin: Path
    redis_server: Path


def find_postgres(major: int | None = None) -> Path | None:
    """The folder of the newest PostgreSQL that has PostGIS (of exactly `major` when given)."""
    folders = [Path(named)] if (named := os.environ.get("RIDGELINE_PG_BIN")) else _postgres_folders()
    for folder in folders:
        found = postgres_major(folder)
        if found is None or found < OLDEST_POSTGRES or (major is not None and found != major):
            continue
        if _has_postgis(folder, found):
            return folder
    return None


def postgres_major(folder: Path) -> int | None:
    """Major version of the PostgreSQL server in a folder, None when there is none."""
    if not os.access(folder / "postgres", os.X_OK) or not os.access(folder / "initdb", os.X_OK):
        return None
    answer = run([folder / "postgres", "--version"], check=False).stdout
    match = re.search(r"\) (\d+)", answer)
    return int(match.group(1)) if match else None


def find_redis() -> Path | None:
    """A Redis (or Valkey) server of version 7 or later."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")
        if found is None:
            continue
        match = re.search(r"v=(\d+)", run([found, "--version"], check=False).stdout)
        if match and int(match.group(1)) >= OLDEST_REDIS:
            return Path(found)
    return None


def find_programs() -> Programs | None:
    """Both servers when they are on the machine, None when one is missing."""
    pg_bin, redis_server = find_postgres(), find_redis()
    return Programs(pg_bin, redis_server) if pg_bin and redis_server else None


def can_install() -> bool:
    """True when packages could be installed: apt is here, and we are root or may become it."""
    if shutil.which("apt-get") is None:
        return False
    if os.geteuid() == 0:
        return True
    if shutil.which("sudo") is None:
        return False
    return sys.stdin.isatty() or run(["sudo", "-n", "true"], check=False).returncode == 0


def install_missing(home: Home) -> Programs:
    """The programs, after installing what is missing; nothing runs as root when nothing is."""
    programs = find_programs()
    if programs is not None and not missing_venv():
        return programs
    if not can_install():
        raise SetupError(_what_to_install())
    say("installing system packages (once; about a minute)")
    _installer(home, "update", check=False)
    wanted = _wanted_packages()
    say(f"packages: {' '.join(wanted)}")
    _installer(home, "install", *wanted)
    programs = find_programs()
    if programs is None:
        raise SetupError(
            f"packages were installed, but PostgreSQL with PostGIS or Redis is still not found: {home.log}"
        )
    return programs


def install_venv(home: Home) -> None:
    """Make this Python able to make environments, where the data plane did not need packages itself."""
    package = missing_venv()
    if package is None:
        return
    if not can_install():
        raise SetupError(f"this Python cannot make virtual environments; install the package {package}")
    _installer(home, "update", check=False)
    _installer(home, "install", package)


def install_for_tests(home: Home) -> None:
    """The programs that tests start; where they cannot be had, those tests are skipped."""
    groups = [
        sorted({package for program, package in group.items() if not shutil.which(program)})
        for group in FOR_TESTS
    ]
    missing = [group for group in groups if group]
    if not missing or not can_install():
        return
    _installer(home, "update", check=False)
    for wanted in missing:
        say(f"packages: {' '.join(wanted)}")
        try:
            _installer(home, "install", *wanted)
        except SetupError as refused:
            warn(f"{refused}; what needs {' and '.join(wanted)} will be skipped")


def missing_venv() -> str | None:
    """The package that lets this Python make virtual environments, None when it already can."""
    if importlib.util.find_spec("ensurepip") is not None:
        return None
    return f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def _postgres_folders() -> list[Path]:
    """Folders that may hold a PostgreSQL server, newest first."""
    packaged = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    packaged.sort(key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    return [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]


def _has_postgis(folder: Path, major: int) -> bool:
    """True when PostGIS is installed for the server; a PostgreSQL without it is common."""
    config = folder / "pg_config"
    share = run([config, "--sharedir"], check=False).stdout.strip() if os.access(config, os.X_OK) else ""
    return (Path(share or f"/usr/share/postgresql/{major}") / "extension" / "postgis.control").is_file()


def _wanted_packages() -> list[str]:
    """Names of the packages to install, read from the machine's own package lists."""
    wanted: list[str] = []
    if find_postgres() is None:
        major = _installable_major()
        wanted += [
            f"postgresql-{major}",
            f"postgresql-{major}-postgis-3",
            f"postgresql-{major}-postgis-3-scripts",
        ]
    if find_redis() is None:
        wanted.append("redis-server")
    if (venv := missing_venv()) is not None:
        wanted.append(venv)
    return wanted


def _installable_major() -> int:
    """The PostgreSQL version to install: one that is here and lacks PostGIS, else the distribution's own."""
    here = [
        found
        for folder in _postgres_folders()
        if (found := postgres_major(folder)) and found >= OLDEST_POSTGRES
    ]
    depends = run(["apt-cache", "depends", "postgresql"], check=False).stdout
    offered = [int(number) for number in re.findall(r"Depends: postgresql-(\d+)$", depends, re.MULTILINE)]
    for major in [*here, *offered]:
        shown = run(["apt-cache", "show", f"postgresql-{major}-postgis-3"], check=False)
        if shown.returncode == 0 and major >= OLDEST_POSTGRES:
            return major
    raise SetupError(f"this system's packages have no PostgreSQL {OLDEST_POSTGRES} or later with PostGIS 3")


def _installer(home: Home, *words: str, check: bool = True) -> None:
    """Run the installer as root."""
    proxies = [f"{name}={os.environ[name]}" for name in ("http_proxy", "https_proxy") if name in os.environ]
    become = [] if os.geteuid() == 0 else ["sudo"]
    done = run([*become, "env", *proxies, "sh", INSTALLER, *words], log=home.log, check=check)
    if done.returncode != 0:
        warn("apt-get update failed; going on with the package lists that are here")


def _what_to_install() -> str:
    """Words for a person who must install the packages another way."""
    missing = [
        name
        for name, absent in (
            (f"PostgreSQL {OLDEST_POSTGRES} or later with PostGIS 3", find_postgres() is None),
            (f"Redis {OLDEST_REDIS} or later", find_redis() is None),
            (missing_venv() or "", missing_venv() is not None),
        )
        if absent
    ]
    return (
        f"missing: {', '.join(missing)}. Packages can be installed by root or with sudo on Debian and Ubuntu "
        "(postgresql, postgresql-*-postgis-3, redis-server, python3-venv); "
        "with a Docker engine, RIDGELINE_MODE=docker runs the data plane in containers"
    )
