"""`python -m tests.faults fleet`: the rows of FAULTS on the real fleet and its sandbox, one town for all of them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from tests.faults.fleet import clocks, kills, messages, sale, servers, vendors
from tests.faults.fleet.activation import Run, activate
from tests.faults.fleet.town import Town, own_town
from tests.faults.report import Finding, Report, say

Row = Callable[[Town, Report, Run], None]
ROWS: dict[str, tuple[Row, ...]] = {
    "1": (kills.worker_kills,),
    "2": (kills.control_kills, sale.api_kill),
    "3": (sale.one_lead,),
    "6": (servers.redis_wipe,),
    "7": (servers.redis_away,),
    "8": (servers.postgres_crash,),
    "10": (messages.poison,),
    "11": (vendors.slow_vendor,),
    "12": (vendors.too_many,),
    "13": (vendors.last_cent,),
    "31": (kills.sigterm,),
    "32": (clocks.clocks,),
}
CHOICE = "RIDGELINE_FAULTS_ROWS"


def fleet(report: Report) -> None:
    """A calm activation to compare with, then every row (or those that RIDGELINE_FAULTS_ROWS names)."""
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("stopped")
    )  # so that nothing of the town is left behind
    wanted = chosen(os.environ.get(CHOICE, ""))
    with own_town() as town:
        town.empty()
        calm = activate(town)
        prospects = calm.census.counts.get("rows of base_leads", 0)
        ok = calm.settled and not calm.census.broken and prospects > 0
        seen = f"{calm.seconds:.0f} s, {prospects} prospects, {calm.census.broken or '0 lost, 0 doubled'}"
        report.add(Finding("calm", "Harrow activated on the fleet", ok, seen, {"counts": calm.census.counts}))
        for name in wanted:
            for row in ROWS[name]:
                _run(row, name, town, report, calm)


def chosen(words: str) -> list[str]:
    """The rows that a comma-separated list names, all for none; ends the run for a name that is none."""
    names = [name.strip() for name in words.split(",") if name.strip()]
    unknown = set(names) - ROWS.keys()
    if unknown:
        sys.exit(f"{CHOICE}: no row {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}")
    return names or list(ROWS)


def _run(row: Row, name: str, town: Town, report: Report, calm: Run) -> None:
    """One row; an error in it is a red finding, and the next row finds a fleet that is up."""
    try:
        row(town, report, calm)
    except Exception as error:  # noqa: BLE001 - the suite reports it and goes on
        say(f"row {name}: {type(error).__name__}: {error}")
        report.add(Finding(name, row.__name__, ok=False, seen=f"{type(error).__name__}: {error}"[:300]))
    finally:
        town.end_extras()
        town.mend()
