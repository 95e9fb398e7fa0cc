"""What ended long ago goes; what a sale, a decision or an operator still needs stays."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.integration.db.conftest import Connection, one

MONEY = ("sale", "stripe_event", "refund_stray")
WORKFLOW = """
    INSERT INTO core.workflow (id, kind, status, parent_id, created_at, finished_at)
    VALUES (%s, %s, %s, %s, now() - make_interval(days => %s), CASE WHEN %s IN ('done', 'failed') THEN
            now() - make_interval(days => %s) END)
"""
STEP = """
    INSERT INTO core.step (workflow_id, name, position, service, queue, max_attempt, timeout_seconds)
    VALUES (%s, 's', 0, 'marketplace', 'marketplace.default', 1, 1)
"""
ATTEMPT = "INSERT INTO core.step_attempt (workflow_id, step_name, attempt) VALUES (%s, 's', 1)"


def forget(connection: Connection, batch: int = 100) -> int:
    count: int = one(connection, "SELECT core.forget_ended(%s)", batch)
    return count


def workflow(
    connection: Connection, kind: str, *, days: int, status: str = "done", parent: str | None = None
) -> str:
    found = str(uuid4())
    connection.execute(WORKFLOW, (found, kind, status, parent, days, status, days))
    connection.execute(STEP, (found,))
    connection.execute(ATTEMPT, (found,))
    return found


def left(connection: Connection) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT id FROM core.workflow")}


def test_a_jobs_workflow_scheduled_or_ordered_goes_after_thirty_days_with_steps_and_attempts(
    connection: Connection,
) -> None:
    workflow(connection, "settle_sales", days=31)
    workflow(connection, "scrape_contractors", days=31)
    young = workflow(connection, "settle_sales", days=29)
    running = workflow(connection, "settle_sales", days=31, status="running")

    assert forget(connection) == 2

    assert left(connection) == {young, running}
    assert one(connection, "SELECT count(*) FROM core.step_attempt") == 2


def test_cities_leads_and_sales_keep_their_workflows(connection: Connection) -> None:
    kept = {workflow(connection, kind, days=400) for kind in ("city", "property", *MONEY)}
    city = workflow(connection, "city", days=400)
    kept |= {city, workflow(connection, "property", days=400, parent=city)}

    assert forget(connection) == 0
    assert left(connection) == kept


def test_an_open_dead_letter_keeps_its_workflow(connection: Connection) -> None:
    failed = workflow(connection, "settle_sales", days=400, status="failed")
    connection.execute(
        "INSERT INTO core.dead_letter (source, workflow_id, reason, created_at)"
        " VALUES ('step', %s, 'broken', now() - interval '400 days')",
        (failed,),
    )

    assert forget(connection) == 0

    connection.execute("UPDATE core.dead_letter SET resolved_at = now() - interval '91 days'")
    assert forget(connection) == 2
    assert left(connection) == set()


def test_children_of_a_job_go_before_it(connection: Connection) -> None:
    job = workflow(connection, "settle_sales", days=40)
    workflow(connection, "refresh_city", days=40, parent=job)
    lead = workflow(connection, "property", days=40, parent=job)

    assert [forget(connection), forget(connection)] == [1, 0]
    assert left(connection) == {job, lead}


def test_at_most_a_batch_goes_at_a_time(connection: Connection) -> None:
    for _ in range(3):
        workflow(connection, "settle_sales", days=40)

    assert [forget(connection, 2), forget(connection, 2), forget(connection, 2)] == [2, 1, 0]


@pytest.mark.parametrize(
    ("table", "insert", "days"),
    [
        (
            "core.effect",
            (
                "INSERT INTO core.effect (idem_key, kind, workflow_id, request_hash, state, updated_at)"
                " SELECT state || days, 'k', CASE state WHEN 'confirmed' THEN gen_random_uuid() END, 'h', state,"
                " now() - make_interval(days => days)"
                " FROM (VALUES ('confirmed'), ('unknown'), ('intended')) s (state), (VALUES (%(old)s), (%(young)s)) d (days)"
            ),
            30,
        ),
        (
            "core.dead_letter",
            (
                "INSERT INTO core.dead_letter (source, reason, resolved_at)"
                " VALUES ('step', 'old', now() - make_interval(days => %(old)s)),"
                " ('step', 'young', now() - make_interval(days => %(young)s)), ('step', 'open', NULL)"
            ),
            90,
        ),
        (
            "core.budget_reservation",
            (
                "INSERT INTO core.budget_reservation (scopes, amount, state, created_at)"
                " SELECT '{s}', 1, state, now() - make_interval(days => days)"
                " FROM (VALUES ('settled'), ('unknown')) s (state), (VALUES (%(old)s), (%(young)s)) d (days)"
            ),
            90,
        ),
        (
            "raw_records",
            (
                "INSERT INTO raw_records (source, kind, payload, size_bytes, sha256, fetched_at)"
                " SELECT 's', 'page', '', 0, days::text, now() - make_interval(days => days)"
                " FROM (VALUES (%(old)s), (%(young)s)) d (days)"
            ),
            30,
        ),
    ],
)
def test_one_old_row_goes_and_the_others_stay(
    connection: Connection, table: str, insert: str, days: int
) -> None:
    connection.execute(insert.encode(), {"old": days + 1, "young": days - 1})
    before = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()

    assert forget(connection) == 1

    after = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert before is not None
    assert after is not None
    assert before[0] - after[0] == 1
