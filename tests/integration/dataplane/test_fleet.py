"""`ridgeline up|down|status` with a real process: it stays up, whoever is killed, and nothing stays behind."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.cli.state import ProcessId
from shared.security.__main__ import fresh_environment

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Fleet:
    """The command in a home of its own."""

    home: Path
    variables: dict[str, str]

    def call(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "shared.cli.main", *words],
            cwd=ROOT,
            env={**os.environ, **self.variables, "RIDGELINE_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def relay(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = json.loads(self.call("status", "--json", check=False).stdout)
        return rows[0]

    def supervisor(self) -> ProcessId:
        return ProcessId(**json.loads((self.home / "run" / "fleet.json").read_text())["supervisor"])

    @property
    def port(self) -> int:
        return int(self.variables["RIDGELINE_PORT_BASE"]) + 10


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    secrets = "".join(f"{name}={value}\n" for name, value in fresh_environment().items())
    (tmp_path / "env").write_text(secrets)
    found = Fleet(
        tmp_path,
        {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "RIDGELINE_PORT_BASE": str(free_port_base())},
    )
    yield found
    found.call("down")


def free_port_base() -> int:
    """A base whose twelve ports nobody listens on."""
    for base in random.sample(range(17_000, 19_900, 20), 100):
        if all(is_free(base + offset) for offset in range(12)):
            return base
    raise AssertionError("no free range of ports")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def eventually(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_process_comes_up_ready_and_goes_down(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    row = fleet.relay()
    assert (row["name"], row["port"], row["ready"], row["restarts"]) == ("relay", fleet.port, True, 0)
    assert row["pss_mb"] > 10
    fleet.call("down")
    assert is_free(fleet.port)
    assert fleet.call("status", check=False).returncode == 3


def test_up_twice_keeps_the_same_process(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    before = fleet.relay()["pid"]
    fleet.call("up", "relay")
    assert fleet.relay()["pid"] == before


def test_killed_process_is_started_again(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    before = fleet.relay()["pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: fleet.relay()["ready"] and fleet.relay()["pid"] != before, "the relay is not back")
    row = fleet.relay()
    assert (row["restarts"], row["last_exit"]) == (1, -signal.SIGKILL)


def test_process_goes_on_without_its_supervisor_and_is_found_again(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    supervisor, before = fleet.supervisor(), fleet.relay()["pid"]
    os.kill(supervisor.pid, signal.SIGKILL)
    eventually(lambda: not supervisor.alive(), "the supervisor does not end")
    assert fleet.relay()["ready"], "it works on"
    fleet.call("up", "relay")
    assert fleet.relay()["ready"]
    assert fleet.relay()["pid"] != before, "the orphan made way for a supervised one"
    os.kill(fleet.supervisor().pid, signal.SIGKILL)
    fleet.call("down")
    assert is_free(fleet.port)


def test_taken_port_is_named_and_nothing_starts(fleet: Fleet) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", fleet.port))
        stranger.listen()
        refused = fleet.call("up", "relay", check=False)
    assert refused.returncode == 1
    assert f"port {fleet.port} (relay)" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (fleet.home / "run" / "fleet.json").exists()


def test_process_that_cannot_run_is_told_with_its_own_words(fleet: Fleet) -> None:
    broken = Fleet(fleet.home, {**fleet.variables, "FIELD_KEYS": "", "RIDGELINE_POOL_SIZE": "many"})
    refused = broken.call("up", "relay", check=False)
    assert refused.returncode == 1
    assert "RIDGELINE_POOL_SIZE" in refused.stderr
    assert is_free(fleet.port)


def test_unknown_name_is_refused(fleet: Fleet) -> None:
    refused = fleet.call("up", "rellay", check=False)
    assert refused.returncode == 1
    assert "no process named rellay" in refused.stderr


def test_other_fleet_is_refused_while_one_is_up(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    refused = fleet.call("up", "relay", "orchestrator", check=False)
    assert refused.returncode == 1
    assert "already up" in refused.stderr
    assert fleet.relay()["ready"]
