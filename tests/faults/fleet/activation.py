"""Activating Harrow over HTTP while a plan of faults is carried out, and what was left afterwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from tests.faults.fleet.census import Census, differences, take_census
from tests.faults.fleet.town import CITY, Town

PATIENCE_SECONDS = 900.0
CALM_RUNS_OF_PATIENCE = 6.0
MISSED = "missed"
"""What a fault returns that found nothing to break: a process that was down already."""

# Nothing that a process of this fleet could still do, and nothing on its way. Where roof analysis cannot run
# (no weights), the city waits for its first properties for ever.
SETTLED = """
    SELECT (SELECT count(*) FROM core.workflow WHERE kind = 'city' AND status IN ('done', 'failed', 'cancelled'))
         + (SELECT count(*) FROM core.step WHERE name = 'properties' AND status = 'waiting') > 0
       AND NOT EXISTS (SELECT 1 FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
                        WHERE w.status IN ('running', 'waiting') AND s.status IN ('ready', 'running')
                          AND s.service = ANY (%(services)s))
       AND (%(partial)s OR NOT EXISTS (SELECT 1 FROM core.step WHERE name = 'properties' AND status = 'waiting'))
       AND NOT EXISTS (SELECT 1 FROM core.outbox WHERE published_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM core.outbox o WHERE o.type = 'lead.created' AND NOT EXISTS
                        (SELECT 1 FROM core.inbox i WHERE i.event_id = o.event_id))
"""
DONE_STEPS = "SELECT count(*) FROM core.step WHERE status IN ('done', 'skipped')"


@dataclass(frozen=True)
class Fault:
    """Something to do to the fleet, so many seconds after the activation was asked for."""

    at: float
    name: str
    act: Callable[[], object]


@dataclass
class Run:
    """One activation: how long it took, what was broken in it, what it left."""

    seconds: float
    settled: bool
    census: Census
    faults: dict[str, int] = field(default_factory=dict)

    def against(self, calm: Run) -> dict[str, Any]:
        """Everything that is not as in a calm run; empty when nothing was lost or doubled."""
        found: dict[str, Any] = dict(self.census.broken)
        found |= differences(calm.census.counts, self.census.counts)
        if not self.settled:
            found["not settled after s"] = round(self.seconds)
        return found

    @property
    def patience(self) -> float:
        """How long a run with faults may take where this calm one took so long: a slow machine gets more."""
        return min(PATIENCE_SECONDS, 180.0 + CALM_RUNS_OF_PATIENCE * self.seconds)

    def figures(self, calm: Run) -> dict[str, Any]:
        """The numbers of a run for the report."""
        return {
            "seconds": round(self.seconds, 1),
            "calm_seconds": round(calm.seconds, 1),
            "ratio": round(self.seconds / calm.seconds, 2),
            "faults": self.faults,
            "differences": self.against(calm),
        }

    def words(self, calm: Run) -> str:
        """A run in one line."""
        wrong = self.against(calm)
        state = f"{len(wrong)} differences: {dict(list(wrong.items())[:4])}" if wrong else "0 lost, 0 doubled"
        return f"{self.seconds:.0f} s ({self.seconds / calm.seconds:.1f}x calm), {self.faults}, {state}"


def activate(town: Town, plan: Sequence[Fault] = (), *, patience: float = PATIENCE_SECONDS) -> Run:
    """Ask for the activation and follow it to its end while the plan is carried out."""
    left = sorted(plan, key=lambda fault: fault.at)
    done: dict[str, int] = {}
    began = time.monotonic()
    ask(town)
    settled, looked = False, began
    while not settled and time.monotonic() - began < patience:
        while left and time.monotonic() - began >= left[0].at:
            fault = left.pop(0)
            if fault.act() is not MISSED:
                done[fault.name] = done.get(fault.name, 0) + 1
        if not left and time.monotonic() - looked > 0.3:
            settled, looked = is_settled(town), time.monotonic()
        time.sleep(0.02)
    seconds = time.monotonic() - began
    return Run(seconds, settled, census(town), done)


def ask(town: Town) -> str:
    """The workflow of the activation, however often it has to be asked for."""
    answer = town.call(
        "orchestrator", "POST", f"{CITY}/activate", json={}, headers={"Idempotency-Key": uuid4().hex}
    )
    answer.raise_for_status()
    workflow: str = answer.json()["workflow_id"]
    return workflow


def is_settled(town: Town) -> bool:
    """True when nothing is left to do; False as well while the database is away."""
    known = {"services": list(town.services), "partial": "ml_inference" not in town.services}
    with contextlib.suppress(psycopg.OperationalError), town.connect() as connection:
        row = connection.execute(SETTLED, known).fetchone()
        return bool(row and row[0])
    return False


def done_steps(town: Town) -> int:
    """Steps that have ended; -1 while the database is away."""
    with contextlib.suppress(psycopg.OperationalError), town.connect() as connection:
        row = connection.execute(DONE_STEPS).fetchone()
        return int(row[0]) if row else 0
    return -1


def census(town: Town) -> Census:
    """Counts of a settled fleet; waits for the database and the sandbox."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with town.connect() as connection:
                return take_census(connection, town.charges())
        except (psycopg.OperationalError, httpx.TransportError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
