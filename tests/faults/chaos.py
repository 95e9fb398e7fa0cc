"""The chaos run: a storm of workflows over real processes and servers that are killed by a seeded plan."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from shared.db import migrate
from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.relay import Relay
from shared.settings import Settings
from shared.workflow import start
from tests.faults.check import STEPS, violations
from tests.faults.plane import Plane
from tests.faults.processes import Process, listening_socket, relay_main, vendor_main, worker_main
from tests.faults.report import say
from tests.faults.vendor import ask
from tests.faults.work import SERVICE, TABLES

LEASE_SECONDS = 4.0
PATIENCE_SECONDS = 400.0
RATIO_GOAL = 4.0
"""A run with faults against the calm one, at most."""
EMPTY = "TRUNCATE core.workflow, core.outbox, core.inbox, core.dead_letter, core.effect, chaos.work, chaos.handled CASCADE"


@dataclass(frozen=True)
class Storm:
    """The size of a run and what is broken in it; a storm without a seed is calm."""

    workflows: int
    seed: int | None = None
    kind: str = "chaos"
    workers: int = 3
    relays: int = 2
    kill_every: float = 1.2
    wipes: int = 2
    seconds: float = 12.0
    relay: type[Relay] = Relay
    patience: float = PATIENCE_SECONDS

    def shaken(self, seed: int, calm_seconds: float) -> Storm:
        """The same storm with faults: a kill every 1.2 s or, on a slow machine, every tenth of the calm time."""
        span, every = max(self.seconds, calm_seconds), max(self.kill_every, calm_seconds / 10)
        return replace(
            self, seed=seed, seconds=span, kill_every=every, patience=max(self.patience, 60 + 8 * span)
        )


@dataclass
class Outcome:
    """What a run took and what it broke."""

    storm: Storm
    seconds: float = 0.0
    cpu_ms_per_step: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """True when nothing was lost, doubled or left."""
        return not any(self.violations.values())


def prepare(plane: Plane) -> None:
    """Bring a fresh data plane to the newest schema, with the tables of the fake work."""
    migrate.upgrade(plane.database_url)
    with connect(plane) as connection:
        connection.execute(TABLES)


def connect(plane: Plane) -> psycopg.Connection:
    """A connection of the harness's own."""
    url = plane.database_url.replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, connect_timeout=2)


def settings_for(plane: Plane) -> Settings:
    """Settings with short leases and sweeps, so that a run's tail is short."""
    return Settings.model_validate(
        {
            "DATABASE_URL": plane.database_url,
            "REDIS_URL": plane.redis_url,
            "RIDGELINE_LEASE_SECONDS": LEASE_SECONDS,
            "RIDGELINE_SWEEP_SECONDS": 1.0,
            "RIDGELINE_SWEEP_AFTER_SECONDS": 5.0,
            "RIDGELINE_STREAM_CLAIM_SECONDS": 3.0,
            "RIDGELINE_QUEUE_POLL_SECONDS": 0.05,
            "RIDGELINE_DRAIN_SECONDS": 10.0,
        }
    )


def run_storm(plane: Plane, storm: Storm) -> Outcome:
    """Start the workflows, break things by plan until all is done (or patience ends), and count what is wrong."""
    with connect(plane) as connection:
        connection.execute(EMPTY)
    plane.wipe_redis()
    with tempfile.TemporaryDirectory(prefix="ridgeline-storm-") as folder:
        run = _Run(plane, storm, Path(folder))
        try:
            outcome = run.play()
            if not outcome.clean:
                _show_log(Path(folder))
            return outcome
        except BaseException:
            _show_log(Path(folder))
            raise
        finally:
            run.end()


class _Run:
    def __init__(self, plane: Plane, storm: Storm, folder: Path) -> None:
        self._plane = plane
        self._storm = storm
        self._journal = folder / "journal"
        self._journal.touch()
        listener = listening_socket()
        self._vendor_port = listener.getsockname()[1]
        settings = settings_for(plane)
        log = folder / "log"
        self._vendor = Process("vendor", vendor_main(listener), log)
        self._client = Process("client", self._start_workflows, log)
        self._workers = [
            Process(f"worker{i}", worker_main(SERVICE, settings), log) for i in range(storm.workers)
        ]
        self._relays = [
            Process(f"relay{i}", relay_main(settings, storm.relay), log) for i in range(storm.relays)
        ]
        self._faults: dict[str, int] = {}
        self._rng = random.Random(storm.seed)
        self._watcher: psycopg.Connection | None = None

    def play(self) -> Outcome:
        for process in (self._vendor, *self._relays, *self._workers):
            process.start()
        idle_rate = self._idle_rate()
        idle = self._cpu_seconds()
        began = time.monotonic()
        self._client.start()
        plan = sorted(self._plan(), key=lambda entry: entry[0])
        asked = began
        while time.monotonic() - began < self._storm.patience:
            while plan and time.monotonic() - began >= plan[0][0]:
                plan.pop(0)[1]()
            self._supervise()
            if not plan and time.monotonic() - asked > 0.25:
                asked = time.monotonic()
                if self._finished():
                    break
            self._kill_now_and_then(began)
            time.sleep(0.02)
        seconds = time.monotonic() - began
        spent = 1000 * (self._cpu_seconds() - idle - idle_rate * seconds) / (self._storm.workflows * STEPS)
        found = self._check()
        found["run cut short by patience"] = int(seconds >= self._storm.patience)
        return Outcome(self._storm, round(seconds, 2), round(spent, 2), self._faults, found)

    def end(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        for process in (self._client, *self._workers, *self._relays, self._vendor):
            process.kill()

    def _plan(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """When what breaks: servers and relays once or twice, one worker frozen beyond its lease."""
        if self._storm.seed is None:
            return
        span = self._storm.seconds
        yield (
            self._rng.uniform(0.2, 0.35) * span,
            partial(self._break, "postgres crash", self._plane.crash_postgres),
        )
        for i in range(self._storm.wipes):
            at = (0.45 + 0.4 * i + self._rng.uniform(0, 0.1)) * span
            yield at, partial(self._break, "redis wipe", self._plane.wipe_redis)
        for i in range(2):
            victim = self._relays[i % len(self._relays)]
            yield self._rng.uniform(0.1, 0.9) * span, partial(self._break, "relay kill", victim.kill)
        frozen = self._workers[-1]
        at = self._rng.uniform(0.3, 0.4) * span
        yield at, partial(self._break, "worker freeze", partial(frozen.signal, signal.SIGSTOP))
        yield at + LEASE_SECONDS + 2.5, partial(frozen.signal, signal.SIGCONT)

    def _break(self, name: str, action: Callable[[], None]) -> None:
        self._faults[name] = self._faults.get(name, 0) + 1
        action()

    def _kill_now_and_then(self, began: float) -> None:
        """Kill a random worker about every 1.2 s; the last one is left to the freeze."""
        if self._storm.seed is None or self._storm.kill_every <= 0:
            return
        due = int((time.monotonic() - began) / self._storm.kill_every)
        if due > self._faults.get("worker kill", 0):
            self._break("worker kill", self._rng.choice(self._workers[:-1]).kill)

    def _supervise(self) -> None:
        for process in (*self._workers, *self._relays):
            if not process.alive:
                process.start()

    def _finished(self) -> bool:
        if self._client.alive:
            return False
        try:
            if self._watcher is None:
                self._watcher = connect(self._plane)
            row = self._watcher.execute(
                """
                SELECT (SELECT count(*) FROM core.workflow WHERE status NOT IN ('done', 'failed', 'cancelled')) = 0
                   AND (SELECT count(*) FROM core.outbox WHERE published_at IS NULL) = 0
                   AND (SELECT count(*) FROM chaos.handled) >= (SELECT count(*) FROM chaos.work)
                """
            ).fetchone()
        except psycopg.OperationalError:
            self._watcher = None
            return False
        return bool(row and row[0])

    def _check(self) -> dict[str, int]:
        subjects = [UUID(line) for line in self._journal.read_text().split()]
        charges = asyncio.run(ask(self._vendor_port, "count"))
        with connect(self._plane) as connection:
            found = violations(connection, subjects, charges, effects=self._storm.kind == "chaos")
        found["starts not acknowledged"] = self._storm.workflows - len(subjects)
        return found

    def _idle_rate(self) -> float:
        """Processor seconds a second that polling costs; not part of a step's price."""
        time.sleep(1.5)
        before, began = self._cpu_seconds(), time.monotonic()
        time.sleep(1.0)
        return (self._cpu_seconds() - before) / (time.monotonic() - began)

    def _cpu_seconds(self) -> float:
        return sum(process.cpu_seconds() for process in (*self._workers, *self._relays))

    async def _start_workflows(self) -> None:
        """Start every workflow, write it down when it is acknowledged, try again when it is not."""
        engine = make_engine(self._plane.database_url, pool_size=1)
        unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
        pause = 0.0 if self._storm.seed is None else self._storm.seconds / self._storm.workflows
        rng = random.Random(f"subjects-{self._storm.seed}")
        with self._journal.open("a") as journal:
            for _ in range(self._storm.workflows):
                subject = UUID(int=rng.getrandbits(128), version=4)
                acknowledged = False
                while not acknowledged:
                    try:
                        async with unit_of_work() as uow:
                            given = {"vendor_port": self._vendor_port}
                            await start(uow.session, self._storm.kind, subject_id=subject, input=given)
                        acknowledged = True
                    except (SQLAlchemyError, OSError):
                        await asyncio.sleep(0.1)
                journal.write(f"{subject}\n")
                journal.flush()
                os.fsync(journal.fileno())
                await asyncio.sleep(pause)
        await engine.dispose()


def _show_log(folder: Path) -> None:
    log = folder / "log"
    if log.exists():
        say("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
