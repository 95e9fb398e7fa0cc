"""Rows 11, 12 and 13: a vendor that hangs, a storm of 429, and the last cent of a budget."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx

from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import BudgetExceeded
from shared.settings import SERVICE_PORTS
from shared.workflow.budget import Budget
from tests.faults.fleet.activation import Fault, Run, activate
from tests.faults.fleet.census import number
from tests.faults.fleet.town import Town
from tests.faults.processes import FORK
from tests.faults.report import Finding, Report

SLOW_SECONDS = 30.0
LAG_SHARE_GOAL, LAG_SHARE_SLACK = 0.99, 0.03
"""Share of event-loop lags below 200 ms; on a busy machine what an idle process beside it has."""
IDLE = "outreach"
HUNTER_PACE = 8.0
HUNTER_BURST = 15
IN_FLIGHT = 10
"""Calls that may be under way when the first 429 comes: the enricher's steps at once."""
OPEN = 2.0
LONGEST_ILLNESS_SECONDS = 300.0
ASKED_WAIT_SECONDS = 2.0


def slow_vendor(town: Town, report: Report, calm: Run) -> None:
    """Row 11: the contact finder answers after 30 s; only contact finding waits for it."""
    town.empty()
    watch = _Watch(town)
    before = _lag(town, "enricher"), _lag(town, IDLE)
    plan = [
        Fault(
            0.0,
            "30 s answers",
            lambda: town.order("hunter", fault="latency", seconds=SLOW_SECONDS, count=200),
        ),
    ]
    watch.start()
    run = activate(town, plan, patience=calm.patience)
    watch.stop()
    lag, idle = _lag_share(before[0], _lag(town, "enricher")), _lag_share(before[1], _lag(town, IDLE))
    free = idle > 0 and lag >= min(LAG_SHARE_GOAL, idle - LAG_SHARE_SLACK)
    ok = not run.against(calm) and watch.timeouts > 0 and watch.opened and watch.others > 0 and free
    seen = (
        f"{watch.timeouts} timeouts, breaker {'opened' if watch.opened else 'NOT OPENED'},"
        f" {watch.others} steps of other vendors ended meanwhile; {100 * lag:.1f}% of loop lags < 200 ms"
        f" ({100 * idle:.1f}% in an idle process beside it); {run.words(calm)}"
    )
    figures = {
        **run.figures(calm),
        "timeouts": watch.timeouts,
        "opened": watch.opened,
        "others": watch.others,
        "lag_below_200ms": lag,
        "lag_below_200ms_idle": idle,
    }
    report.add(Finding("11", "vendor slow (30 s answers)", ok, seen, figures))


def _forget_orders(town: Town) -> None:
    """Let the vendor be well again; calls under way still wait their time."""
    httpx.post(f"{town.sandbox}/_sandbox/reset", timeout=30, trust_env=False).raise_for_status()


OTHERS = """
    SELECT count(*) FROM core.step WHERE status IN ('done', 'skipped') AND name IN ('imagery', 'scrape_property')
"""


@dataclass
class _Watch:
    """Follows the enricher's own metrics during a run."""

    town: Town
    timeouts: int = 0
    opened: bool = False
    others: int = 0
    _until: float = float("inf")
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look twice a second; the vendor is well again once the breaker is open, or after this long."""
        self._until = time.monotonic() + LONGEST_ILLNESS_SECONDS
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            values = metrics(self.town, "enricher")
            self.timeouts = int(
                sum(
                    value
                    for name, value in values.items()
                    if name.startswith("provider_requests_total")
                    and 'provider="hunter"' in name
                    and "timeout" in name
                )
            )
            if values.get('provider_breaker_state{provider="hunter"}') == OPEN and not self.opened:
                self.opened = True
                with self.town.connect() as connection:
                    self.others = number(connection, OTHERS)
                _forget_orders(self.town)
            if not self.opened and time.monotonic() > self._until:
                _forget_orders(self.town)
                self._until = float("inf")


def metrics(town: Town, service: str) -> dict[str, float]:
    """A process's metrics by name with labels, none while it is away."""
    url = f"http://127.0.0.1:{town.port_base + SERVICE_PORTS[service]}/metrics"
    try:
        answer = httpx.get(
            url, headers={"Authorization": f"Bearer {town.token_for(service)}"}, timeout=5, trust_env=False
        )
    except httpx.TransportError:
        return {}
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def _lag(town: Town, service: str) -> tuple[float, float]:
    """Event-loop lags below 200 ms, and all."""
    values = metrics(town, service)
    label = f'service="{service}"'
    below = values.get(f'event_loop_lag_seconds_bucket{{le="0.2",{label}}}', 0.0)
    return below, values.get(f"event_loop_lag_seconds_count{{{label}}}", 0.0)


def _lag_share(before: tuple[float, float], after: tuple[float, float]) -> float:
    count = after[1] - before[1]
    return round((after[0] - before[0]) / count, 4) if count else 0.0


def too_many(town: Town, report: Report, calm: Run) -> None:
    """Row 12: twelve answers of 429 with Retry-After; the pace falls, nothing is lost or overspent."""
    town.empty()
    pace = _Pace(town)
    town.order("hunter", fault="429", count=12, retry_after=ASKED_WAIT_SECONDS)
    pace.start()
    run = activate(town, patience=calm.patience)
    pace.stop()
    first, later = pace.windows()
    most = HUNTER_PACE * ASKED_WAIT_SECONDS + HUNTER_BURST
    ok = not run.against(calm) and pace.refused == 12 and first <= IN_FLIGHT and later <= most
    ok = ok and not pace.overspent
    seen = (
        f"{pace.refused} x 429; {first} calls in the first {ASKED_WAIT_SECONDS:.0f} s window (limit {IN_FLIGHT}),"
        f" at most {later} in a later one (limit {most:.0f}); budget overspent {pace.overspent}x; {run.words(calm)}"
    )
    figures = {**run.figures(calm), "first_window": first, "later_windows": later, "refused": pace.refused}
    report.add(Finding("12", "429 storm with Retry-After", ok, seen, figures))


@dataclass
class _Pace:
    """Samples how often the vendor was called, and whether a budget was ever overspent."""

    town: Town
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    overspent: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def refused(self) -> int:
        """Answers of 429."""
        return self.samples[-1][2] if self.samples else 0

    def windows(self) -> tuple[int, int]:
        """Calls in the window after the first 429, and the most in any later window of that length."""
        began = next((at for at, _, refused in self.samples if refused), None)
        if began is None:
            return 0, 0
        counts: dict[int, list[int]] = {}
        for at, calls, _ in self.samples:
            if at >= began:
                counts.setdefault(int((at - began) / ASKED_WAIT_SECONDS), []).append(calls)
        ends = [max(calls) for _, calls in sorted(counts.items())]
        steps = [ends[0], *(after - before for before, after in pairwise(ends))]
        return steps[0], max(steps[1:], default=0)

    def _look(self) -> None:
        while not self._over.wait(0.1):
            found = self.town.ask_sandbox("hunter/calls")
            self.samples.append((time.monotonic(), found["calls"], int(found["by_status"].get("429", 0))))
            if len(self.samples) % 5 == 0:
                with self.town.connect() as connection:
                    self.overspent += number(
                        connection, "SELECT count(*) FROM core.budget WHERE spent + reserved > cap"
                    )


CAP, PRICE, TRIES_A_PROCESS = Decimal("1.00"), Decimal("0.01"), 100


def last_cent(town: Town, report: Report, _: Run) -> None:
    """Row 13: two processes ask for 200 reservations at once where there is money for 100."""
    scope = f"fault:{uuid4().hex}"
    results = FORK.Queue()
    racers = [FORK.Process(target=_race, args=(town.plane.database_url, scope, results)) for _ in range(2)]
    over = threading.Event()
    highest: list[Decimal] = [Decimal(0)]
    watcher = threading.Thread(target=_watch_budget, args=(town, scope, over, highest))
    watcher.start()
    for racer in racers:
        racer.start()
    taken = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(30)
    over.set()
    watcher.join()
    with town.connect() as connection:
        row = connection.execute(
            "SELECT spent, reserved, (SELECT count(*) FROM core.budget_reservation WHERE scopes = ARRAY[scope])"
            " FROM core.budget WHERE scope = %s",
            [scope],
        ).fetchone()
    assert row is not None
    spent, reserved, rows = row
    ok = sum(taken) == CAP / PRICE == rows and spent + reserved <= CAP and highest[0] <= CAP
    seen = f"{sum(taken)} of 200 reservations taken, spent+reserved {spent + reserved} of {CAP}, at most {highest[0]}"
    figures: dict[str, Any] = {
        "taken": taken,
        "reserved": str(reserved),
        "highest": str(highest[0]),
        "rows": rows,
    }
    report.add(Finding("13", "two workers, last cent", ok, seen, figures))


def _watch_budget(town: Town, scope: str, over: threading.Event, highest: list[Decimal]) -> None:
    with town.connect() as connection:
        while not over.wait(0.005):
            row = connection.execute(
                "SELECT spent + reserved FROM core.budget WHERE scope = %s", [scope]
            ).fetchone()
            if row:
                highest[0] = max(highest[0], row[0])


def _race(database_url: str, scope: str, results: Any) -> None:
    results.put(asyncio.run(_reserve_many(database_url, scope)))


async def _reserve_many(database_url: str, scope: str) -> int:
    """How many of a hundred parallel reservations this process got; half of them are settled at once."""
    engine = make_engine(database_url, pool_size=10)
    budget = Budget(UnitOfWorkFactory(make_session_maker(engine)))

    async def one(i: int) -> int:
        try:
            reservation = await budget.reserve({scope: CAP}, PRICE, provider="fault")
        except BudgetExceeded:
            return 0
        if i % 2:
            await budget.settle(reservation, PRICE)
        return 1

    taken = sum(await asyncio.gather(*(one(i) for i in range(TRIES_A_PROCESS))))
    await engine.dispose()
    return taken
