"""Row 32: clocks that change or are wrong, with two orchestrators ticking."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.faults.fleet.activation import Run, activate
from tests.faults.fleet.census import number
from tests.faults.fleet.kills import await_heartbeats
from tests.faults.fleet.town import Town, wait_until
from tests.faults.report import Finding, Report

SKEW_SECONDS = 300
YEAR_SECONDS = 366 * 24 * 3600


@dataclass(frozen=True)
class Change:
    """A job whose slots cross a change of the clocks."""

    job: str
    cron: str
    since: str
    wanted: tuple[str, ...]


# America/Chicago, 2026: 02:00 -> 03:00 on 8 March, 02:00 -> 01:00 on 1 November.
CHANGES = (
    Change(
        "fault_spring",
        "30 2 7-9 3 *",
        "2026-03-06",
        ("2026-03-07T02:30", "2026-03-08T02:30", "2026-03-09T02:30"),
    ),
    Change(
        "fault_autumn",
        "30 1 1-2 11 *",
        "2026-10-31",
        ("2026-11-01T01:30", "2026-11-02T01:30"),
    ),
    Change(
        "fault_hours", "15 0-3 1 11 *", "2026-10-31", tuple(f"2026-11-01T0{hour}:15" for hour in range(4))
    ),
)
ADD = """
    INSERT INTO core.schedule (job, service, kind, cron, tz, enabled, misfire, catch_up_seconds, description, updated_at)
    VALUES (%s, 'orchestrator', 'housekeeping', %s, 'America/Chicago', true, 'run_once', %s, 'fault suite', %s)
"""
MINUTELY = """
    INSERT INTO core.schedule (job, service, kind, cron, tz, enabled, misfire, description)
    VALUES ('fault_minutely', 'orchestrator', 'housekeeping', '* * * * *', 'UTC', true, 'skip', 'fault suite')
"""
RUNS = "SELECT slot FROM core.schedule_run WHERE job = %s ORDER BY slot"
DOUBLED = """
    SELECT count(*) - count(DISTINCT (input->>'job', input->>'slot')) FROM core.workflow WHERE kind = 'housekeeping'
"""
REMOVE = "DELETE FROM core.schedule WHERE job LIKE 'fault_%'"
CLAIMED = "SELECT count(*) FROM core.step_attempt WHERE worker LIKE '{service}@%:{pid}:%'"


def clocks(town: Town, report: Report, calm: Run) -> None:
    """Row 32: every slot once over two schedulers and a change of the clocks; wrong clocks cost nothing."""
    town.empty()
    slots(town, report)
    skew(town, report, calm)


def slots(town: Town, report: Report) -> None:
    """Two orchestrators tick over slots that cross both changes of the clocks."""
    town.start_extra("orchestrator")
    await_heartbeats(town, "orchestrator", 2)
    try:
        with town.connect() as connection:
            for change in CHANGES:
                connection.execute(ADD, (change.job, change.cron, YEAR_SECONDS, change.since))
            connection.execute(MINUTELY.encode())
            wanted = sum(len(change.wanted) for change in CHANGES)
            taken = (
                "SELECT count(*) FROM core.schedule_run WHERE job LIKE 'fault_%' AND job <> 'fault_minutely'"
            )
            wait_until(lambda: number(connection, taken) >= wanted, 60)
            time.sleep(65.0)  # more ticks of both, over at least one turn of the minute
            found = {c.job: tuple(row[0] for row in connection.execute(RUNS, [c.job])) for c in CHANGES}
            minutes = connection.execute(RUNS, ["fault_minutely"]).fetchall()
            doubled = number(connection, DOUBLED)
            runs = number(connection, "SELECT count(*) FROM core.schedule_run WHERE job LIKE 'fault_%'")
            started = number(connection, "SELECT count(*) FROM core.workflow WHERE kind = 'housekeeping'")
            connection.execute(REMOVE.encode())
    finally:
        town.end_extras()
    right = all(found[change.job] == change.wanted for change in CHANGES)
    ok = right and doubled == 0 and runs == started and len(minutes) >= 1
    seen = (
        f"{sum(map(len, found.values()))} of {wanted} slots over both changes, {len(minutes)} of this minute's job,"
        f" {doubled} doubled, {started} workflows for {runs} slots, 2 orchestrators"
    )
    report.add(Finding("32", "DST slots, two schedulers", ok, seen, {"slots": found, "doubled": doubled}))


def skew(town: Town, report: Report, calm: Run) -> None:
    """An activation beside a worker that is five minutes early and one that is five minutes late."""
    town.empty()
    pids = {
        "enricher": town.start_extra("enricher", skew_seconds=SKEW_SECONDS),
        "scraper": town.start_extra("scraper", skew_seconds=-SKEW_SECONDS),
    }
    for service in pids:
        await_heartbeats(town, service, 2)
    run = activate(town, patience=calm.patience)
    twins = town.extras_alive()
    with town.connect() as connection:
        worked = {
            service: number(connection, CLAIMED.format(service=service, pid=pid))
            for service, pid in pids.items()
        }
        lost = number(connection, "SELECT count(*) FROM core.step_attempt WHERE outcome = 'lease_expired'")
    town.end_extras()
    ok = not run.against(calm) and twins and lost == 0 and all(worked.values())
    seen = f"attempts of the skewed workers {worked}, {lost} leases lost; {run.words(calm)}"
    report.add(Finding("32", "clocks +-5 min on a worker", ok, seen, {**run.figures(calm), "worked": worked}))
