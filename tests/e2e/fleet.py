"""The command and its fleet in a home of their own, for whole flows through real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row

from shared.security.__main__ import fresh_environment
from shared.settings import SANDBOX_PORT_OFFSET
from tests.integration.dataplane.fleets import free_port_base

ROOT = Path(__file__).resolve().parents[2]
FLEET_REDIS_SHIFT = 7
"""Tests empty their worker's Redis database; the fleet of a worker uses another one."""


@dataclass(frozen=True)
class TestFleet:
    """One fleet with its database and folder."""

    __test__ = False

    home: Path
    variables: dict[str, str]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The command, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "shared.cli.main", *words],
            cwd=ROOT,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str, seconds: float = 120, status: int = 0) -> str:
        """What the command printed; it must end in time with this status."""
        process = self.start(*words)
        try:
            said, complained = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert process.returncode == status, said[-4000:] + complained[-4000:]
        return said

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the fleet's database."""
        url = self.variables["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def one(self, statement: str, *values: Any) -> Any:
        """The only value of a statement's only row."""
        (row,) = self.rows(statement, *values)
        (value,) = row.values()
        return value

    def demo(self) -> dict[str, Any]:
        """The figures of the last demo."""
        found: dict[str, Any] = json.loads((self.home / "demo.json").read_text())
        return found

    def pids(self) -> dict[str, int]:
        """The processes that run now."""
        report = json.loads((self.home / "run" / "fleet.json").read_text())["processes"]
        return {process["name"]: process["identity"]["pid"] for process in report if process["identity"]}


@contextmanager
def fleet_of(database_url: str, redis_url: str, home: Path) -> Iterator[TestFleet]:
    """A fleet that is down; whatever was started is ended afterwards."""
    base = free_port_base()
    parts = urlsplit(redis_url)
    number = int(parts.path.strip("/") or 0) + FLEET_REDIS_SHIFT
    fleet = TestFleet(
        home,
        {
            **fresh_environment(),
            "DATABASE_URL": database_url,
            "REDIS_URL": urlunsplit(parts._replace(path=f"/{number}")),
            "RIDGELINE_HOME": str(home),
            "RIDGELINE_PORT_BASE": str(base),
            "SANDBOX_URL": f"http://127.0.0.1:{base + SANDBOX_PORT_OFFSET}",
            "OBJECT_STORE_URL": (home / "objects").as_uri(),
            **_addresses_left_to_ports(),
        },
    )
    try:
        yield fleet
    finally:
        fleet.call("down")


def _addresses_left_to_ports() -> dict[str, str]:
    """A developer's own addresses must not lead a test to another fleet."""
    return {name: "" for name in os.environ if name.endswith("_BASE_URL")}
