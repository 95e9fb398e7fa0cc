"""Rows 1, 2 and 31: processes killed or asked to stop in the middle of an activation."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.faults.chaos import RATIO_GOAL
from tests.faults.fleet.activation import MISSED, Fault, Run, activate, ask
from tests.faults.fleet.census import number
from tests.faults.fleet.town import Town, wait_until
from tests.faults.report import Finding, Report

WORKERS = ("scraper", "image_processor", "enricher", "lead_generator", "ml_inference")
SHORTEST_PAUSE_SECONDS = 1.2
DRAIN_GOAL_SECONDS = 25.0
ASKED_AGAIN = 4
EXIT_SLACK_SECONDS = 5.0


def worker_kills(town: Town, report: Report, calm: Run, *, seed: int = 1) -> None:
    """Row 1: a random worker dies every 1.2 s, or as often as this machine can start one again."""
    town.empty()
    rng = random.Random(f"row 1, {seed}")
    victims = [name for name in WORKERS if name in town.services]
    pause = max(SHORTEST_PAUSE_SECONDS, calm.seconds / 10)
    plan = list(_kills(town, rng, victims, pause=pause, count=10))
    run = activate(town, plan, patience=calm.patience)
    figures = {**run.figures(calm), "pause_seconds": round(pause, 1), "seed": seed}
    in_time = run.seconds <= RATIO_GOAL * max(calm.seconds, START_AGAIN_SECONDS)
    ok = not run.against(calm) and in_time and sum(run.faults.values()) >= len(plan) / 2
    report.add(Finding("1", "kill -9 of workers", ok, run.words(calm), figures))


START_AGAIN_SECONDS = 15.0
"""A calm run shorter than a process's start makes a ratio of start times, not of the fleet's work."""


def _kills(
    town: Town, rng: random.Random, victims: Sequence[str], *, pause: float, count: int
) -> Iterator[Fault]:
    for i in range(count):
        name = rng.choice(list(victims))
        yield Fault((i + rng.uniform(0.5, 1.0)) * pause, f"kill {name}", partial(_kill, town, name))


def _kill(town: Town, name: str) -> str | None:
    return MISSED if town.kill(name) is None else None


def control_kills(town: Town, report: Report, calm: Run, *, seed: int = 2) -> None:
    """Row 2 and done-when 4: two orchestrators and two relays; the supervised ones die again and again."""
    town.empty()
    rng = random.Random(f"row 2, {seed}")
    town.start_extra("orchestrator")
    town.start_extra("relay")
    await_heartbeats(town, "orchestrator", 2)
    pause = max(2.0, calm.seconds / 6)
    plan = list(_kills(town, rng, ("relay", "orchestrator"), pause=pause, count=6))
    asked: list[str] = []
    again = threading.Thread(target=lambda: asked.extend(ask(town) for _ in range(ASKED_AGAIN)))
    plan += [
        Fault(0.3, "kill orchestrator", partial(_kill, town, "orchestrator")),
        Fault(0.2, "ask 4 times", again.start),
    ]
    run = activate(town, plan, patience=calm.patience)
    again.join(60)
    twins = town.extras_alive()
    town.end_extras()
    killed = {"kill relay", "kill orchestrator"} <= run.faults.keys()
    ok = not run.against(calm) and len(set(asked)) == 1 and len(asked) == ASKED_AGAIN and twins and killed
    figures = {**run.figures(calm), "seed": seed, "asked": len(asked), "activations": len(set(asked))}
    seen = (
        f"{run.words(calm)}; {len(asked)} requests = {len(set(asked))} activation; 2 orchestrators, 2 relays"
    )
    report.add(Finding("2", "kill -9 of relay, scheduler, API", ok, seen, figures))


def await_heartbeats(town: Town, service: str, count: int) -> None:
    """Return when so many processes of a service are at work; TimeoutError when they are not within 90 s."""
    query = f"SELECT count(*) FROM core.worker_heartbeat WHERE service = '{service}' AND beat_at > now() - interval '15 s'"

    def beats() -> bool:
        with town.connect() as connection:
            return number(connection, query) >= count

    if wait_until(beats, 90) is None:
        raise TimeoutError(f"{service} has no {count} processes at work")


@dataclass
class Ending:
    """How a process took a SIGTERM."""

    name: str
    in_flight: int = 0
    draining_seen: bool = False
    served_after_stop: int = 0
    seconds: float | None = None
    left_behind: int = -1
    answers: list[int] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Readiness went first, and nothing was left behind in time."""
        in_time = self.seconds is not None and self.seconds <= DRAIN_GOAL_SECONDS + EXIT_SLACK_SECONDS
        return self.draining_seen and self.left_behind == 0 and in_time


HELD = "SELECT count(*) FROM core.step WHERE status = 'running' AND worker LIKE '%%:{pid}:%%'"
# A step of milliseconds may end before anybody can see its process drain; one that waits for a slow vendor does not.
SLOW = HELD + " AND started_at < clock_timestamp() - interval '0.3 seconds'"


def terminate(town: Town, name: str, ending: Ending) -> None:
    """SIGTERM to a busy service, and watch it go: readiness, running steps, exit."""
    pid = town.pid(name)
    if pid is None:
        return
    with town.connect() as connection:
        held = HELD.format(pid=pid).replace("%%", "%")
        slow = SLOW.format(pid=pid).replace("%%", "%")
        wait_until(lambda: number(connection, slow) > 0, 10, every=0.02)
        ending.in_flight = number(connection, held)
        began = time.monotonic()
        town.kill(name, signal.SIGTERM)
        while town.pid(name) == pid and time.monotonic() - began < 60:
            status, document = town.readiness(name, timeout=1.0)
            ending.answers.append(status)
            ending.draining_seen |= status == 503 and document.get("parts", {}).get("process") == "draining"
            time.sleep(0.01)
        ending.seconds = round(time.monotonic() - began, 2)
        ending.left_behind = number(connection, held)


def sigterm(town: Town, report: Report, calm: Run) -> None:
    """Row 31: busy services are stopped while they work."""
    town.empty()
    # The vendors answer slowly, so that there is work in flight when the signal comes.
    for vendor in ("hunter", "stac"):
        town.order(vendor, fault="latency", seconds=1.5, count=12)
    names = ("enricher", "image_processor")
    endings = {name: Ending(name) for name in names}
    watchers = [threading.Thread(target=_when_busy(town, endings[name])) for name in names]
    plan = [Fault(0.1, "SIGTERM", watcher.start) for watcher in watchers]
    run = activate(town, plan, patience=calm.patience)
    for watcher in watchers:
        watcher.join(90)
    ok = not run.against(calm) and all(ending.clean and ending.in_flight for ending in endings.values())
    seen = "; ".join(
        f"{e.name}: {e.in_flight} in flight, /ready 503 {'first' if e.draining_seen else 'NOT SEEN'},"
        f" gone after {e.seconds} s, {e.left_behind} left"
        for e in endings.values()
    )
    figures = {**run.figures(calm), "endings": [vars(ending) for ending in endings.values()]}
    report.add(Finding("31", "SIGTERM while busy", ok, f"{seen}; {run.words(calm)}", figures))


def _when_busy(town: Town, ending: Ending) -> Callable[[], None]:
    def watch() -> None:
        with town.connect() as connection:
            query = (
                f"SELECT count(*) FROM core.step WHERE status = 'running' AND worker LIKE '{ending.name}@%'"
            )
            wait_until(lambda: number(connection, query) > 0, 120, every=0.05)
        terminate(town, ending.name, ending)

    return watch
