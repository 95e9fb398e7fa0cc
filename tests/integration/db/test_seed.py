from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import namedtuple_row

from shared.db import migrate, seed
from tests.conftest import run_on_server, with_database
from tests.integration.db.conftest import Connection, one, plain


def test_trades_and_cities_are_there_and_no_city_is_active(connection: Connection) -> None:
    assert {row[0] for row in connection.execute("SELECT name FROM verticals")} == {
        "Roofing",
        "HVAC",
        "Plumbing",
    }
    tiers = connection.execute(
        "SELECT tier, count(*) AS cities FROM target_cities WHERE NOT sandbox GROUP BY tier ORDER BY tier"
    )
    assert [tuple(row) for row in tiers] == [(1, 15), (2, 35), (3, 25)]  # S4-9.2-2
    assert one(connection, "SELECT count(*) FROM target_cities WHERE active") == 0
    unzoned = one(
        connection, "SELECT count(*) FROM target_cities WHERE center IS NULL OR time_zone !~ '^America/'"
    )
    assert unzoned == 0


def test_the_five_towns_are_marked_sandbox_and_know_their_sources(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT city, state, sources, assessor_config FROM target_cities WHERE sandbox ORDER BY city"
    ).fetchall()
    assert [(row.city, row.state) for row in rows] == [
        ("Ellery", "FL"),
        ("Harrow", "TX"),
        ("Marn", "OH"),
        ("Quill", "CO"),
        ("Sable", "AZ"),
    ]
    keys = {
        row[0]
        for row in connection.execute("SELECT source_key FROM compliance.source_registry WHERE sandbox")
    }
    for row in rows:
        named = {row.assessor_config["source_key"]}
        named |= {source["key"] for kind in row.sources.values() for source in kind}
        assert len(named) == 4
        assert named <= keys


def test_the_sandbox_files_what_the_rules_ask_for(connection: Connection) -> None:
    filed = {
        (row.state, row.kind)
        for row in connection.execute(
            "SELECT state, kind FROM compliance.state_registration WHERE sandbox AND expires_on > current_date"
        )
    }
    assert {("TX", "broker"), ("AZ", "az_statement")} <= filed
    fresh = one(
        connection, "SELECT now() - max(registry_version_at) FROM compliance.dnc_import WHERE sandbox"
    )
    assert fresh < timedelta(days=31)  # PH-5
    buyers = connection.execute(
        """
        SELECT city, count(*) AS buyers FROM contractors c
        WHERE sandbox AND credential_status = 'credentialed' AND credential_checked_at > now() - interval '90 days'
          AND EXISTS (SELECT 1 FROM buyer_checks k WHERE k.contractor_id = c.id AND k.about = %s)
          AND (SELECT count(*) FROM buyer_checks k WHERE k.contractor_id = c.id) = 5
        GROUP BY city
        """,
        (seed.AGREEMENT_VERSION,),
    ).fetchall()
    assert {row.city: row.buyers for row in buyers} == dict.fromkeys(
        ("Harrow", "Ellery", "Marn", "Quill", "Sable"), 3
    )


def test_one_host_keeps_the_default_pace_and_portals_that_forbid_reading_are_off(
    connection: Connection,
) -> None:
    pace = connection.execute(
        "SELECT source_key FROM compliance.source_registry WHERE kind = 'assessor' AND requests_per_second < 1"
    ).fetchall()
    assert [row.source_key for row in pace] == ["quill_co_assessor"]
    assert (
        one(connection, "SELECT count(*) FROM compliance.source_registry WHERE tos <> 'allowed' AND enabled")
        == 0
    )
    assert (
        one(
            connection,
            "SELECT count(*) FROM compliance.source_registry WHERE source_key LIKE 'google%%' AND (may_store OR may_sell)",
        )
        == 0
    )


@pytest.fixture
def own_database(server_url: str) -> Iterator[str]:
    name = f"ridgeline_seed_{uuid4().hex[:12]}"
    run_on_server(server_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = with_database(server_url, name)
    migrate.upgrade(url)
    yield url
    run_on_server(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_production_gets_no_sandbox_row(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_SIGNING_KEY", "FIELD_KEYS", "BLIND_INDEX_PEPPER"):
        monkeypatch.setenv(name, "secret")
    for name in ("SANDBOX_URL", "FETCH_TRUSTED_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RIDGELINE_ENVIRONMENT", "production")

    seed.run(own_database)

    with psycopg.connect(plain(own_database)) as connection:
        for table in ("target_cities", "contractors", "compliance.source_registry", "compliance.dnc_import"):
            count = sql.SQL("SELECT count(*) FROM {} WHERE sandbox").format(sql.Identifier(*table.split(".")))
            assert connection.execute(count).fetchone() == (0,), table


def test_seeding_twice_changes_no_count_and_keeps_what_an_operator_edited(own_database: str) -> None:
    written = seed.run(own_database)
    with psycopg.connect(plain(own_database), row_factory=namedtuple_row) as connection:
        before = _counts(connection)
        connection.execute(
            "UPDATE target_cities SET active = true, status = 'active', daily_budget = 9 WHERE city = 'Austin'"
        )
        connection.execute("UPDATE compliance.source_registry SET enabled = false WHERE source_key = 'ncei'")

    assert seed.run(own_database) == written

    with psycopg.connect(plain(own_database), row_factory=namedtuple_row) as connection:
        assert _counts(connection) == before
        assert one(connection, "SELECT daily_budget FROM target_cities WHERE active") == 9
        assert (
            one(connection, "SELECT enabled FROM compliance.source_registry WHERE source_key = 'ncei'")
            is False
        )


def _counts(connection: Connection) -> list[int]:
    tables = (
        "verticals",
        "target_cities",
        "contractors",
        "compliance.source_registry",
        "compliance.dnc_import",
        "compliance.state_registration",
    )
    count = "SELECT count(*) FROM {}"
    return [one(connection, count.format(table)) for table in tables]
