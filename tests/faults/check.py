"""What must hold after a run: everything acknowledged is there, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import psycopg

from tests.faults.work import SHAPE

STEPS = len(SHAPE)

QUERIES = {
    "acknowledged workflows lost": """
        SELECT count(*) FROM unnest(%(subjects)s::uuid[]) AS s(id)
         WHERE 1 <> (SELECT count(*) FROM core.workflow w WHERE w.subject_id = s.id AND w.status = 'done')""",
    "workflows not done": "SELECT count(*) FROM core.workflow WHERE status <> 'done'",
    "steps not done": "SELECT count(*) FROM core.step WHERE status <> 'done'",
    "steps ended twice": """
        SELECT count(*) FROM (SELECT 1 FROM core.step_attempt WHERE outcome = 'done'
                               GROUP BY workflow_id, step_name HAVING count(*) > 1) twice""",
    "domain rows lost": """
        SELECT count(*) FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
         WHERE w.kind = 'chaos' AND NOT EXISTS
               (SELECT 1 FROM chaos.work d WHERE d.subject_id = w.subject_id AND d.step = s.name)""",
    "domain rows doubled": """
        SELECT count(*) FROM (SELECT 1 FROM chaos.work GROUP BY subject_id, step HAVING count(*) > 1) twice""",
    "events lost": """
        SELECT count(*) FROM chaos.work d WHERE NOT EXISTS
               (SELECT 1 FROM chaos.handled h WHERE h.subject_id = d.subject_id AND h.step = d.step)""",
    "events handled twice": """
        SELECT count(*) FROM (SELECT 1 FROM chaos.handled GROUP BY subject_id, step HAVING count(*) > 1) twice""",
    "effects not settled": "SELECT count(*) FROM core.effect WHERE state <> 'confirmed'",
    "outbox rows unpublished": "SELECT count(*) FROM core.outbox WHERE published_at IS NULL",
    "dead letters": "SELECT count(*) FROM core.dead_letter",
    "invariants broken": "SELECT coalesce(sum(violations), 0)::int FROM core.invariant_violations()",
}


def violations(
    connection: psycopg.Connection,
    subjects: Sequence[UUID],
    charges: Mapping[str, int],
    *,
    effects: bool = True,
) -> dict[str, int]:
    """How often each promise was broken; all zeros is the only good answer."""
    found: dict[str, int] = {}
    for name, query in QUERIES.items():
        row = connection.execute(query, {"subjects": list(subjects)}).fetchone()
        found[name] = int(row[0]) if row else -1
    expected = set() if not effects else {f"{subject}:{step.name}" for subject in subjects for step in SHAPE}
    found["effects lost"] = len(expected - charges.keys())
    found["effects doubled"] = sum(1 for count in charges.values() if count > 1)
    return found
