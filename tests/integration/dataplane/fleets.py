"""The command in a home of its own, for tests that start real processes."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.cli.processes import fleet_report, start_fleet
from shared.cli.state import ProcessId

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Fleet:
    """One fleet under test; its variables are those of this process too."""

    home: Path
    variables: dict[str, str]

    def call(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "shared.cli.main", *words],
            cwd=ROOT,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self, *names: str) -> None:
        """As `ridgeline up` on a database that is migrated, without a process of its own."""
        start_fleet(names)

    def relay(self) -> dict[str, Any]:
        return fleet_report()[0]

    def supervisor(self) -> ProcessId:
        return ProcessId(**json.loads((self.home / "run" / "fleet.json").read_text())["supervisor"])

    @property
    def port(self) -> int:
        return int(self.variables["RIDGELINE_PORT_BASE"]) + 10


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
