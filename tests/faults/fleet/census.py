"""What a run left in the tables, counted so that two runs can be held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg

# Logs say how often something was tried; every other table says what is true, and that must be the same.
LOGS = ("api_usage_logs", "system_events", "audit_log", "alembic_version", "spatial_ref_sys")

COUNTS = {
    "workflow": """SELECT kind || ' ' || status, count(*) FROM core.workflow
                    WHERE kind IN ('city', 'property') GROUP BY 1""",
    "step": """SELECT w.kind || '.' || s.name || ' ' || s.status, count(*) FROM core.step s
                 JOIN core.workflow w ON w.id = s.workflow_id WHERE w.kind IN ('city', 'property') GROUP BY 1""",
    "lead": "SELECT status || ' ' || coalesce(grade, '-'), count(*) FROM base_leads GROUP BY 1",
    "event": "SELECT type, count(*) FROM core.outbox WHERE topic LIKE 'ev.%' GROUP BY 1",
    "handled": "SELECT consumer, count(*) FROM core.inbox GROUP BY 1",
    "effect": "SELECT kind || ' ' || state, count(*) FROM core.effect GROUP BY 1",
}
ZERO = {
    "steps ended twice": """
        SELECT count(*) FROM (SELECT 1 FROM core.step_attempt WHERE outcome = 'done'
                               GROUP BY workflow_id, step_name HAVING count(*) > 1) twice""",
    "lead events not handled": """
        SELECT count(*) FROM core.outbox o WHERE o.type = 'lead.created' AND NOT EXISTS
               (SELECT 1 FROM core.inbox i WHERE i.event_id = o.event_id AND i.consumer = 'lead_generator')""",
    "subjects with two workflows": """
        SELECT count(*) FROM (SELECT 1 FROM core.workflow WHERE kind IN ('city', 'property')
                               GROUP BY kind, subject_id HAVING count(*) > 1) twice""",
    "effects not settled": "SELECT count(*) FROM core.effect WHERE state NOT IN ('confirmed', 'failed')",
    "slots taken twice": """
        SELECT count(*) FROM (SELECT 1 FROM core.schedule_run GROUP BY job, due_at HAVING count(*) > 1) twice""",
    "outbox rows unpublished": "SELECT count(*) FROM core.outbox WHERE published_at IS NULL",
    "dead letters": "SELECT count(*) FROM core.dead_letter WHERE resolved_at IS NULL",
    "budgets overspent": "SELECT count(*) FROM core.budget WHERE spent + reserved > cap",
    "invariants broken": "SELECT coalesce(sum(violations), 0)::int FROM core.invariant_violations()",
}
PUBLIC_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public' AND c.relname <> ALL (%s)
     ORDER BY 1
"""
SOLD = "SELECT count(*) FROM sales WHERE status = 'sold'"


@dataclass(frozen=True)
class Census:
    """Everything counted after a run."""

    counts: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)


def take_census(connection: psycopg.Connection, charges: int) -> Census:
    """The run's counts, and every promise that it broke."""
    counts: dict[str, int] = {}
    for name, query in COUNTS.items():
        counts |= {f"{name} {row[0]}": int(row[1]) for row in connection.execute(query.encode())}
    for (table,) in connection.execute(PUBLIC_TABLES, [list(LOGS)]).fetchall():
        counts[f"rows of {table}"] = number(connection, f"SELECT count(*) FROM public.{table}")
    broken = {name: number(connection, query) for name, query in ZERO.items()}
    broken["charges without a sale"] = abs(charges - number(connection, SOLD))
    return Census(counts, {name: count for name, count in broken.items() if count})


def differences(calm: Mapping[str, int], shaken: Mapping[str, int]) -> dict[str, str]:
    """Where the two runs differ: calm count -> shaken count."""
    return {
        name: f"{calm.get(name, 0)} -> {shaken.get(name, 0)}"
        for name in sorted(calm.keys() | shaken.keys())
        if calm.get(name, 0) != shaken.get(name, 0)
    }


def number(connection: psycopg.Connection, query: str) -> int:
    """The one number a query gives."""
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
