"""How fast the whole fleet starts, and what memory it needs after it has done its work once."""

from __future__ import annotations

from shared.cli.processes import fleet_pss_mb
from tests.bench.bare import bare_process
from tests.bench.figure import Figure
from tests.faults.fleet.activation import activate
from tests.faults.fleet.town import own_town

START_GOAL_SECONDS = 20.0
MEMORY_GOAL_MB = 2000.0


def figures() -> list[Figure]:
    """Start and memory of every process, one `all` process a service, on servers of the run's own."""
    bare = bare_process()
    with own_town() as town:
        town.empty()
        run = activate(town)
        memory = fleet_pss_mb()
    if not run.settled:
        raise RuntimeError("the activation before the measurement of memory did not end")
    processes = float(len(town.services))
    return [
        Figure(
            "start of the fleet",
            round(town.start_seconds, 1),
            "s",
            START_GOAL_SECONDS,
            at_most=True,
            baseline="a bare process, s",
            baseline_value=bare.seconds,
            parts={"processes": processes},
        ),
        Figure(
            "memory of the fleet (PSS)",
            memory,
            "MB",
            MEMORY_GOAL_MB,
            at_most=True,
            baseline="a bare process, MB",
            baseline_value=bare.pss_mb,
            parts={"processes": processes},
        ),
    ]
