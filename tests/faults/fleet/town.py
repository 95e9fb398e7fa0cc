"""A whole fleet of one run's own: private servers, the supervisor, the sandbox town, and ways to break each of them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from redis import Redis

from shared.cli.fleet import fleet, is_ready
from shared.cli.processes import start_fleet, stop_fleet
from shared.cli.state import read_state
from shared.db import migrate, seed
from shared.security.__main__ import fresh_environment
from shared.security.tokens import TokenIssuer
from shared.settings import SERVICE_PORTS, Settings
from tests.faults.plane import ROOT, Plane, own_plane
from tests.faults.report import say

PARCELS = 200
CITY = "/cities/Harrow/TX"
START_SECONDS = 240.0
PORTS = range(18_400, 19_400, 40)
PLACES_OF_A_FLEET = 40
EXTRA_PORTS = 20
MEND_SECONDS = 120.0
AWAY = (502, 503, 504)

# Short waits, so that what a kill left behind is taken up again within the run.
PACE = {
    "RIDGELINE_LEASE_SECONDS": "12",
    "RIDGELINE_SWEEP_SECONDS": "1",
    "RIDGELINE_SWEEP_AFTER_SECONDS": "6",
    "RIDGELINE_STREAM_CLAIM_SECONDS": "2",
    "RIDGELINE_SCHEDULE_TICK_SECONDS": "1",
}

TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'core', 'compliance')
       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 1
"""
KEPT = frozenset({"core.schedule", "core.worker_heartbeat", "public.alembic_version", "public.verticals"})


@dataclass
class Town:
    """One fleet with its servers; every variable of it is also in this process's environment."""

    plane: Plane
    folder: Path
    variables: dict[str, str]
    services: tuple[str, ...] = ()
    start_seconds: float = 0.0
    _kept: frozenset[str] = frozenset()
    _extras: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def port_base(self) -> int:
        """First port of the fleet."""
        return int(self.variables["RIDGELINE_PORT_BASE"])

    @property
    def sandbox(self) -> str:
        """Address of the town's vendors."""
        return self.variables["SANDBOX_URL"]

    def connect(self) -> psycopg.Connection:
        """A connection to the fleet's database, autocommit."""
        return psycopg.connect(
            self.plane.database_url.replace("+psycopg", ""), autocommit=True, connect_timeout=5
        )

    def start(self) -> None:
        """Schema, seeds, then every process; ready afterwards."""
        migrate.upgrade(self.plane.database_url)
        seed.run(self.plane.database_url)
        seeded = self._tables_with_rows()
        self.services = runnable()
        began = time.monotonic()
        start_fleet(self.services, within=START_SECONDS)
        self.start_seconds = time.monotonic() - began
        say(f"fleet of {len(self.services)} processes is up in {self.start_seconds:.1f} s")
        with self.connect() as connection:
            connection.execute("UPDATE core.schedule SET enabled = false")
        registered = {name for name in self._tables_with_rows() - seeded if not name.startswith("core.")}
        self._kept = KEPT | registered

    def stop(self) -> None:
        """End every process of the fleet."""
        self.end_extras()
        stop_fleet()

    def empty(self) -> None:
        """Forget everything but the seeds and what processes registered at start; the fleet stays up."""
        httpx.post(f"{self.sandbox}/_sandbox/reset", timeout=30, trust_env=False).raise_for_status()
        # The fleet reads while its tables are emptied; whoever loses a deadlock with it tries again.
        if wait_until(self._truncate, MEND_SECONDS) is None:
            raise TimeoutError("the tables cannot be emptied")
        self._forget_answers()
        seed.run(self.plane.database_url)

    def settings(self) -> Settings:
        """Settings as the fleet's processes read them."""
        return Settings()

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        token: str = "",
        patience: float = 120.0,
        **request: Any,
    ) -> httpx.Response:
        """A service's answer; a service that is away is asked again until the patience is over."""
        headers = {
            "Authorization": f"Bearer {token or self.token_for(service)}",
            **request.pop("headers", {}),
        }
        url = f"http://127.0.0.1:{self.port_base + SERVICE_PORTS[service]}{path}"
        deadline = time.monotonic() + patience
        while True:
            try:
                answer = httpx.request(method, url, headers=headers, timeout=30, trust_env=False, **request)
                if answer.status_code not in AWAY or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def token_for(self, service: str) -> str:
        """A service token of an operator."""
        return TokenIssuer.from_settings("cli", self.settings()).token_for(service)

    def order(self, vendor: str, **fault: Any) -> None:
        """Let a vendor of the town misbehave."""
        httpx.post(
            f"{self.sandbox}/_sandbox/{vendor}/next", json=fault, timeout=30, trust_env=False
        ).raise_for_status()

    def ask_sandbox(self, path: str) -> dict[str, Any]:
        """An answer of the town's own counters."""
        answer = httpx.get(f"{self.sandbox}/_sandbox/{path}", timeout=30, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def charges(self) -> int:
        """How many charges the payment processor took."""
        return int(self.ask_sandbox("stripe/charges")["count"])

    def readiness(self, service: str, *, timeout: float = 2.0) -> tuple[int, dict[str, Any]]:
        """Status and document of /ready; (0, {}) when nobody answers."""
        url = f"http://127.0.0.1:{self.port_base + SERVICE_PORTS[service]}/ready"
        try:
            answer = httpx.get(url, timeout=timeout, trust_env=False)
            return answer.status_code, answer.json()
        except (httpx.TransportError, ValueError):
            return 0, {}

    def pid(self, name: str) -> int | None:
        """The process of that name, None while it is down."""
        present = read_state()
        for process in present.processes if present else ():
            if process.name == name and process.alive() and process.identity is not None:
                return process.identity.pid
        return None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int | None:
        """Signal a process by id; its id, None when it was down already."""
        pid = self.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    def restarts(self) -> int:
        """How often the supervisor has started a process again so far."""
        present = read_state()
        return sum(process.restarts for process in present.processes) if present else 0

    def all_ready(self) -> bool:
        """True when every process takes work."""
        return all(is_ready(spec) for spec in fleet(self.settings()) if spec.name in self.services)

    def mend(self) -> None:
        """Servers up, every process ready: what the next row starts from."""
        if self.plane.redis.running_pid() is None:
            self.plane.redis.start(self.plane.redis_port)
        if self.plane.postgres.running_pid() is None:
            self.plane.postgres.start(self.plane.pg_port)
        if wait_until(self.all_ready, MEND_SECONDS) is None:
            say("the fleet is not ready again")

    def start_extra(self, name: str, *, skew_seconds: int = 0) -> int:
        """A second process of a service or the relay beside the supervised one; its id."""
        base = self.port_base
        addresses = {
            f"{service.upper()}_BASE_URL": f"http://127.0.0.1:{base + at}"
            for service, at in SERVICE_PORTS.items()
        }
        place = str(base + EXTRA_PORTS)
        words = [name] if name == "relay" else [name, "worker" if skew_seconds else "all"]
        module = (
            ["-m", "tests.faults.fleet.skewed", str(skew_seconds)]
            if skew_seconds
            else ["-m", "shared.runtime"]
        )
        with (self.folder / "logs" / f"extra-{name}.log").open("ab") as log:
            extra = subprocess.Popen(
                [sys.executable, *module, *words],
                cwd=ROOT,
                env={**os.environ, **addresses, "RIDGELINE_PORT_BASE": place},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._extras.append(extra)
        return extra.pid

    def extras_alive(self) -> bool:
        """True while every second copy runs."""
        return all(extra.poll() is None for extra in self._extras)

    def end_extras(self) -> None:
        """End the second copies."""
        for extra in self._extras:
            extra.terminate()
        for extra in self._extras:
            try:
                extra.wait(40)
            except subprocess.TimeoutExpired:
                extra.kill()
                extra.wait()
        self._extras.clear()

    def _forget_answers(self) -> None:
        """A day's memory of an assessor would spare a later run the visits that the calm one made."""
        with Redis.from_url(self.plane.redis_url) as redis:
            for key in redis.scan_iter("assessor:*"):
                redis.delete(key)

    def _truncate(self) -> bool:
        with self.connect() as connection:
            names = [row[0] for row in connection.execute(TABLES) if row[0] not in self._kept]
            connection.execute(f"TRUNCATE {', '.join(names)} CASCADE".encode())
        return True

    def _tables_with_rows(self) -> set[str]:
        with self.connect() as connection:
            names = [row[0] for row in connection.execute(TABLES)]
            return {
                name
                for name in names
                if (connection.execute(f"SELECT 1 FROM {name} LIMIT 1".encode()).fetchone()) is not None
            }


def runnable() -> tuple[str, ...]:
    """Every process of the fleet; roof analysis only where its weights are."""
    from services.ml_inference.settings import MlInferenceSettings

    trained = any(Path(MlInferenceSettings().weights_folder).glob("*.onnx"))
    if not trained:
        say("roof analysis has no weights here: property workflows stop before it")
    return tuple(spec.name for spec in fleet(Settings()) if trained or spec.name != "ml_inference")


def wait_until(holds: Callable[[], bool], seconds: float, *, every: float = 0.25) -> float | None:
    """Seconds until it held, None when it did not in time; a database that is away is asked again."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(psycopg.OperationalError, httpx.TransportError):
            if holds():
                return time.monotonic() - began
        time.sleep(every)
    return None


@contextmanager
def own_town() -> Iterator[Town]:
    """A running fleet on servers and in a folder of its own; nothing of it is left afterwards."""
    with own_place(PACE) as town:
        town.start()
        yield town


@contextmanager
def own_place(pace: Mapping[str, str]) -> Iterator[Town]:
    """Servers, folder and ports for a fleet that is not started yet; nothing of it is left afterwards."""
    with own_plane() as plane:
        home = Path(tempfile.mkdtemp(prefix="ridgeline-town-", dir=os.environ.get("RIDGELINE_FAULTS_FOLDER")))
        (home / "logs").mkdir()
        base = free_port_base()
        variables = {
            **fresh_environment(),
            **pace,
            "DATABASE_URL": plane.database_url,
            "REDIS_URL": plane.redis_url,
            "RIDGELINE_HOME": str(home),
            "RIDGELINE_PORT_BASE": str(base),
            "RIDGELINE_SANDBOX_PARCELS": str(PARCELS),
            "SANDBOX_URL": f"http://127.0.0.1:{base + 11}",
            "OBJECT_STORE_URL": (home / "objects").as_uri(),
        }
        with environment(variables):
            town = Town(plane, home, variables)
            try:
                yield town
            finally:
                town.stop()
                keep_logs(home)
                shutil.rmtree(home, ignore_errors=True)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables in this process; addresses of another fleet are taken out."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.endswith("_BASE_URL")]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def free_port_base() -> int:
    """A base with forty free ports behind it: the fleet's twelve and those of second copies."""
    for base in random.sample(PORTS, len(PORTS)):
        if all(_is_free(base + offset) for offset in range(PLACES_OF_A_FLEET)):
            return base
    sys.exit("no free range of ports between 18400 and 19400")


def keep_logs(home: Path) -> None:
    """Copy the logs where RIDGELINE_FAULTS_LOGS says, for a run that went wrong."""
    wanted = os.environ.get("RIDGELINE_FAULTS_LOGS")
    if wanted:
        shutil.copytree(home / "logs", wanted, dirs_exist_ok=True)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
