"""Rows 6, 7 and 8: Redis and PostgreSQL fail in the middle of an activation."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.faults.fleet.activation import Fault, Run, activate, done_steps
from tests.faults.fleet.census import number
from tests.faults.fleet.town import CITY, Town, wait_until
from tests.faults.report import Finding, Report

RESUME_GOAL_SECONDS = 15.0
REDIS_AWAY_SECONDS = 60.0
READY_AGAIN_GOAL_SECONDS = 30.0


def redis_wipe(town: Town, report: Report, calm: Run, *, seed: int = 6) -> None:
    """Row 6: Redis dies twice and comes back empty; everything goes on from PostgreSQL."""
    town.empty()
    rng = random.Random(f"row 6, {seed}")
    resumed: list[float | None] = []

    def wipe() -> None:
        town.plane.wipe_redis()
        before = done_steps(town)
        resumed.append(wait_until(lambda: done_steps(town) > before, 60, every=0.05))

    plan = [Fault(rng.uniform(*part) * calm.seconds, "redis wipe", wipe) for part in ((0.2, 0.4), (0.6, 0.8))]
    run = activate(town, plan, patience=calm.patience)
    slowest = max((seconds if seconds is not None else 60.0) for seconds in resumed)
    ok = not run.against(calm) and slowest <= RESUME_GOAL_SECONDS
    seen = f"{run.words(calm)}; first step ended {slowest:.1f} s after the restart (goal {RESUME_GOAL_SECONDS:.0f})"
    figures = {**run.figures(calm), "resumed_seconds": resumed, "seed": seed}
    report.add(Finding("6", "Redis restarts empty", ok, seen, figures))


@dataclass
class Absence:
    """What the API did while Redis was away."""

    reads: int = 0
    reads_failed: int = 0
    slowest_read: float = 0.0
    degraded: int = 0
    not_degraded: int = 0
    commits: list[str] = field(default_factory=list)


def redis_away(town: Town, report: Report, calm: Run) -> None:
    """Row 7: Redis is away for a minute."""
    town.empty()
    absence = Absence()

    def absent() -> None:
        pid = town.plane.redis.running_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: town.plane.redis.running_pid() is None, 10, every=0.05)
        until = time.monotonic() + REDIS_AWAY_SECONDS
        time.sleep(2.0)
        while time.monotonic() < until:
            _use_api(town, absence)
            time.sleep(1.0)
        town.plane.redis.start(town.plane.redis_port)

    run = activate(town, [Fault(0.35 * calm.seconds, "redis away", absent)], patience=calm.patience)
    written = _committed(town, absence.commits)
    ok = (
        not run.against(calm)
        and absence.reads_failed == 0
        and absence.not_degraded == 0
        and absence.degraded > 0
        and written == len(absence.commits) > 0
    )
    seen = (
        f"{absence.reads} reads, {absence.reads_failed} failed, slowest {absence.slowest_read:.2f} s;"
        f" {written} of {len(absence.commits)} commands kept; /ready degraded {absence.degraded}x; {run.words(calm)}"
    )
    report.add(Finding("7", "Redis away for 60 s", ok, seen, {**run.figures(calm), **vars(absence)}))


def _use_api(town: Town, absence: Absence) -> None:
    """A read, a write and a look at readiness."""
    began = time.monotonic()
    answer = town.call("orchestrator", "GET", f"{CITY}/progress", patience=0)
    absence.slowest_read = max(absence.slowest_read, time.monotonic() - began)
    absence.reads += 1
    absence.reads_failed += answer.status_code != 200
    if len(absence.commits) < 5:
        key = f"away-{uuid4().hex}"
        done = town.call(
            "orchestrator",
            "POST",
            "/jobs/weekly_report/trigger",
            patience=0,
            headers={"Idempotency-Key": key},
        )
        if done.status_code == 202:
            absence.commits.append(done.json()["workflow_id"])
        else:
            absence.reads_failed += 1
    status, document = town.readiness("lead_generator")
    degraded = status == 200 and document.get("status") == "degraded"
    absence.degraded += degraded
    absence.not_degraded += not degraded


def _committed(town: Town, workflows: list[str]) -> int:
    """How many of the started jobs are done."""
    with town.connect() as connection:
        wanted = ", ".join(f"'{workflow}'" for workflow in workflows) or "NULL"
        query = f"SELECT count(*) FROM core.workflow WHERE status = 'done' AND id::text IN ({wanted})"
        wait_until(lambda: number(connection, query) == len(workflows), 30)
        return number(connection, query)


def postgres_crash(town: Town, report: Report, calm: Run, *, seed: int = 8) -> None:
    """Row 8: PostgreSQL loses its memory twice; what was acknowledged is kept, nobody loops."""
    town.empty()
    rng = random.Random(f"row 8, {seed}")
    kept: list[bool] = []
    back: list[float | None] = []
    restarts = town.restarts()
    watchers: list[threading.Thread] = []

    def crash() -> None:
        key = uuid4().hex
        answer = _trigger(town, key)
        town.plane.crash_postgres()
        watcher = threading.Thread(target=lambda: back.append(wait_until(town.all_ready, 60)))
        watcher.start()
        watchers.append(watcher)
        again = _trigger(town, key)
        kept.append(answer == again)

    plan = [
        Fault(rng.uniform(*part) * calm.seconds, "postgres crash", crash) for part in ((0.2, 0.4), (0.5, 0.8))
    ]
    run = activate(town, plan, patience=calm.patience)
    for watcher in watchers:
        watcher.join()
    slowest = max((seconds if seconds is not None else 60.0) for seconds in back)
    looped = town.restarts() - restarts
    ok = not run.against(calm) and all(kept) and slowest <= READY_AGAIN_GOAL_SECONDS
    seen = (
        f"{run.words(calm)}; all ready after {slowest:.1f} s (goal {READY_AGAIN_GOAL_SECONDS:.0f}),"
        f" {looped} processes restarted; {sum(kept)} of {len(kept)} acknowledged writes kept"
    )
    figures = {**run.figures(calm), "ready_again_seconds": back, "process_restarts": looped, "seed": seed}
    report.add(Finding("8", "PostgreSQL crashes", ok, seen, figures))


def _trigger(town: Town, key: str) -> Any:
    """The workflow of a job that was started under a key; the same key names the same one."""
    answer = town.call(
        "orchestrator", "POST", "/jobs/weekly_report/trigger", headers={"Idempotency-Key": f"crash-{key}"}
    )
    return answer.json()["workflow_id"]
