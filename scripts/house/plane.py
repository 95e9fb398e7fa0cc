"""The data plane of a checkout: up, down, status, clean."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from house import envfile
from house.containers import Containers, engine_answers
from house.packages import Programs, can_install, find_programs, install_missing
from house.paths import (
    Home,
    Record,
    own_folder,
    read_record,
    refuse_a_copy,
    refuse_foreign_owner,
    server_folder,
    service_account,
    write_record,
)
from house.postgres import Postgres, programs_for
from house.redis import Redis
from house.shell import SetupError, say

MODES = ("auto", "local", "docker")


def up(home: Home) -> None:
    """Both servers run, are ours and are named in the environment file; harmless when they already were."""
    with locked(home):
        record = read_record(home)
        refuse_a_copy(home, record)
        mode = chosen_mode(record)
        if mode == "docker":
            _containers_up(home, record)
        else:
            _servers_up(home, record)


def down(home: Home) -> None:
    """Both servers are stopped, their data kept."""
    refuse_foreign_owner(home)
    record = read_record(home)
    if record is None or Path(record.home) != home.folder:
        say("no data plane here")
        return
    if record.mode == "docker":
        stopped = Containers(home).stop()
    else:
        postgres, redis = _servers(home, record)
        stopped = any([postgres.stop(), redis.stop()])
    say("data plane stopped" if stopped else "data plane was not running")


def status(home: Home) -> bool:
    """True when both servers run; prints where."""
    record = read_record(home)
    if record is None:
        say("no data plane here; `make setup` makes one")
        return False
    if record.mode == "docker":
        running = {"PostgreSQL": Containers(home).running(), "Redis": Containers(home).running()}
    else:
        postgres, redis = _servers(home, record)
        running = {"PostgreSQL": postgres.running_pid() is not None, "Redis": redis.running_pid() is not None}
    ports = {"PostgreSQL": record.pg_port, "Redis": record.redis_port}
    for name, runs in running.items():
        state = f"runs on 127.0.0.1:{ports[name]}" if runs else "is down"
        say(f"{name} {state} ({record.mode}, {record.folder})")
    return all(running.values())


def clean(home: Home) -> None:
    """Nothing of the data plane is left: servers, data, ports, passwords."""
    refuse_foreign_owner(home)
    record = read_record(home) if home.record_file.exists() else None
    if record is not None and Path(record.home) == home.folder:
        down(home)
        if record.mode == "docker":
            Containers(home).remove()
    if home.fallback.exists():
        shutil.rmtree(home.fallback)
    if home.folder.exists():
        shutil.rmtree(home.folder)
    say("data plane removed")


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the checkout's set-up lock: two set-ups at once take turns."""
    refuse_foreign_owner(home)
    home.folder.mkdir(parents=True, exist_ok=True)
    with (home.folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def chosen_mode(record: Record | None) -> str:
    """`local` or `docker`: as asked, as it was, or what this machine can do."""
    asked = os.environ.get("RIDGELINE_MODE") or "auto"
    if asked not in MODES:
        raise SetupError(f"RIDGELINE_MODE must be one of {', '.join(MODES)}, not {asked!r}")
    if record is not None:
        if asked not in ("auto", record.mode):
            raise SetupError(
                f"the data plane here is {record.mode}; `make clean` before RIDGELINE_MODE={asked}"
            )
        return record.mode
    if asked == "docker" and not engine_answers():
        raise SetupError("RIDGELINE_MODE=docker, but no Docker engine answers (`docker info` fails)")
    if asked == "auto" and find_programs() is None and not can_install() and engine_answers():
        return "docker"
    return "local" if asked == "auto" else asked


def _servers_up(home: Home, record: Record | None) -> None:
    """Find or install the programs, make what is missing, start what is down."""
    programs = install_missing(home)
    account = service_account()
    folder = _folder(home, record, server_folder(home, account))
    record = replace(
        record or Record(str(home.folder), "local", ""), home=str(home.folder), folder=str(folder)
    )
    for name in ("pg", "redis"):
        own_folder(folder / name, account)
    if folder == home.fallback:
        folder.chmod(0o755)
    pg_bin = programs_for(folder / "pg", programs.pg_bin)
    record = replace(record, pg_bin=str(pg_bin), redis_server=str(programs.redis_server))
    postgres, redis = _servers(home, record)
    before = (postgres.running_pid(), redis.running_pid())
    postgres.create()
    record = replace(record, pg_port=postgres.start(record.pg_port))
    write_record(home, record)
    record = replace(record, redis_port=redis.start(record.redis_port))
    write_record(home, record)
    postgres.verify(record.pg_port)
    redis.verify(record.redis_port)
    postgres.prepare(record.pg_port)
    envfile.renew_addresses(home, (record.pg_port, postgres.password), (record.redis_port, redis.password))
    word = "was up" if None not in before else "is up"
    say(f"data plane {word}: PostgreSQL :{record.pg_port}, Redis :{record.redis_port} ({home.env_file})")


def _containers_up(home: Home, record: Record | None) -> None:
    """The same in containers."""
    old = record or Record(str(home.folder), "docker", "")
    secrets = envfile.password(home.folder / "pg.password"), envfile.password(home.folder / "redis.password")
    write_record(home, replace(old, home=str(home.folder), folder="docker volumes"))
    ports = Containers(home).start((old.pg_port, secrets[0]), (old.redis_port, secrets[1]))
    record = replace(
        old, home=str(home.folder), folder="docker volumes", pg_port=ports[0], redis_port=ports[1]
    )
    write_record(home, record)
    envfile.renew_addresses(home, (ports[0], secrets[0]), (ports[1], secrets[1]))
    say(f"data plane is up in containers: PostgreSQL :{ports[0]}, Redis :{ports[1]}")


def _folder(home: Home, record: Record | None, fitting: Path) -> Path:
    """Where the cluster lies: where it was made, even when the checkout's permissions have changed since."""
    if record is not None and record.home == str(home.folder) and Path(record.folder, "pg", "data").exists():
        return Path(record.folder)
    return fitting


def _servers(home: Home, record: Record) -> tuple[Postgres, Redis]:
    """The two servers as the record describes them."""
    account = service_account()
    folder = Path(record.folder)
    programs = Programs(Path(record.pg_bin), Path(record.redis_server))
    return (
        Postgres(programs.pg_bin, folder / "pg", account, envfile.password(home.folder / "pg.password")),
        Redis(
            programs.redis_server, folder / "redis", account, envfile.password(home.folder / "redis.password")
        ),
    )
