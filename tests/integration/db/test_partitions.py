from __future__ import annotations

from datetime import date

import psycopg

from tests.integration.db.conftest import Connection, one, plain

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"


def names(connection: Connection, parent: str) -> list[str]:
    return [row[0] for row in connection.execute(PARTITIONS, (parent,))]


def put(connection: Connection, when: str, *, published: bool = True) -> None:
    connection.execute(
        "INSERT INTO core.outbox (topic, type, payload, created_at, published_at)"
        " VALUES ('ev.x', 'x', '{}', %s::timestamptz, CASE WHEN %s THEN now() END)",
        (when, published),
    )


def where(connection: Connection, when: str) -> str:
    found: str = one(
        connection, "SELECT tableoid::regclass::text FROM core.outbox WHERE created_at = %s", when
    )
    return found


def test_the_coming_days_and_months_have_partitions_and_asking_again_makes_none(
    connection: Connection,
) -> None:
    for parent, low in (("core.outbox", 9), ("core.inbox", 9), ("system_events", 2), ("api_usage_logs", 2)):
        assert len(names(connection, parent)) >= low, parent

    assert one(connection, "SELECT core.ensure_partitions(7)") == 0
    further_than_any_job_of_another_test_looks = 40
    made = one(connection, "SELECT core.ensure_partitions(%s)", further_than_any_job_of_another_test_looks)
    assert made >= 4


def test_a_row_of_today_goes_to_todays_partition(connection: Connection) -> None:
    connection.execute("SET LOCAL timezone = 'UTC'")
    connection.execute("INSERT INTO core.outbox (topic, type, payload) VALUES ('ev.x', 'x', '{}')")

    today = one(connection, "SELECT to_char(now(), 'YYYYMMDD')")
    assert one(connection, "SELECT tableoid::regclass::text FROM core.outbox") == f"core.outbox_p{today}"


def test_rows_that_waited_in_the_default_partition_move_with_their_ids(connection: Connection) -> None:
    put(connection, "2031-05-05T12:00Z", published=False)
    before = one(connection, "SELECT id FROM core.outbox")
    assert where(connection, "2031-05-05T12:00Z") == "core.outbox_default"

    made = one(
        connection,
        "SELECT core.make_partition('core.outbox', 'created_at', '2031-05-05Z', '2031-05-06Z', '_p20310505')",
    )

    assert made is True
    assert where(connection, "2031-05-05T12:00Z") == "core.outbox_p20310505"
    assert one(connection, "SELECT id FROM core.outbox") == before


def test_old_days_are_dropped_but_never_an_unpublished_event(connection: Connection) -> None:
    for day, published in (("2020-01-01", True), ("2020-01-02", False)):
        suffix = f"_p{day.replace('-', '')}"
        connection.execute(
            "SELECT core.make_partition('core.outbox', 'created_at', %s::date, %s::date + 1, %s)",
            (day, day, suffix),
        )
        put(connection, f"{day}T12:00Z", published=published)
    connection.execute(
        "SELECT core.make_partition('core.inbox', 'occurred_on', '2020-01-01', '2020-01-02', '_p20200101')"
    )
    connection.execute(
        "SELECT core.make_partition('system_events', 'created_at', '2020-01-01', '2020-02-01', '_p202001')"
    )
    kept = len(names(connection, "core.outbox"))

    assert one(connection, "SELECT core.drop_old_partitions()") == 3

    assert len(names(connection, "core.outbox")) == kept - 1
    assert "core.outbox_p20200102" in names(connection, "core.outbox")
    assert one(connection, "SELECT count(*) FROM core.outbox") == 1


def test_an_event_is_deduplicated_by_its_own_day(connection: Connection) -> None:
    insert = (
        "INSERT INTO core.inbox (consumer, event_id, occurred_on)"
        " VALUES ('c', '00000000-0000-0000-0000-000000000001', %s) ON CONFLICT DO NOTHING RETURNING 1"
    )
    day = date(2026, 11, 20)

    assert connection.execute(insert, (day,)).fetchone() is not None
    assert connection.execute(insert, (day,)).fetchone() is None


def test_making_partitions_does_not_wait_for_writers_of_today(
    connection: Connection, database_url: str
) -> None:
    with psycopg.connect(plain(database_url)) as writer:
        writer.execute("INSERT INTO core.outbox (topic, type, payload) VALUES ('ev.x', 'x', '{}')")

        assert one(connection, "SELECT core.ensure_partitions(20)") > 0

        writer.rollback()
