"""A data plane of its own for each module, on ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from house import envfile
from house.packages import find_programs
from shared.cli.processes import stop_fleet
from shared.security.__main__ import fresh_environment
from tests.integration.dataplane.fleets import Fleet, free_port_base

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "dataplane"


@dataclass(frozen=True)
class Plane:
    """One data plane under test."""

    folder: Path

    def call(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SCRIPT), command],
            env={**self._clean_environment(), "RIDGELINE_HOME": str(self.folder), **variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def up(self, **variables: str) -> str:
        done = self.call("up", **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def values(self) -> dict[str, str]:
        return envfile.read(self.folder / "env")

    @staticmethod
    def _clean_environment() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("RIDGELINE_")}


@pytest.fixture(scope="session")
def servers_installed() -> None:
    if find_programs() is None:
        pytest.skip("PostgreSQL with PostGIS and Redis are not installed here (data plane in containers)")


@pytest.fixture(scope="module")
def plane(servers_installed: None) -> Iterator[Plane]:
    """A folder everybody may enter, as a checkout usually is; everything is removed after the module."""
    parent = Path(tempfile.mkdtemp(prefix="ridgeline-plane-"))
    parent.chmod(0o755)
    found = Plane(parent / "home")
    yield found
    found.call("clean")
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def fleet(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    """A fleet that is down, with keys and ports of its own; whatever was started is ended after the test."""
    variables = {
        **fresh_environment(),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RIDGELINE_HOME": str(tmp_path),
        "RIDGELINE_PORT_BASE": str(free_port_base()),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield Fleet(tmp_path, variables)
    stop_fleet()
