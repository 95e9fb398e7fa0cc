from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from shared.db import migrate
from shared.db.engine import SERVICE_ROLES
from shared.runtime import open_resources
from shared.settings import Settings
from tests.conftest import run_on_server, with_database
from tests.integration.db.conftest import Connection, one, plain
from tests.integration.db.test_checks import make_lead

OWNERS: dict[str, set[str]] = {
    "scraper": {
        "roofing_permits",
        "parcels",
        "raw_records",
        "raw_record_parts",
        "weather_events",
        "source_runs",
        "page_methods",
        "agencies",
        "counties",
        "county_pull_schedules",
        "county_rate_limits",
        "permit_details",
    },
    "image_processor": {"property_images"},
    "ml_inference": {
        "roof_analysis",
        "ml_inference_jobs",
        "validation_tasks",
        "models",
        "reviews",
        "condition_comparisons",
        "drift_measurements",
    },
    "enricher": {"enrichment_jobs", "geocodes"},
    "contractor_acquisition": {"contractors", "contractor_listings", "outreach_campaigns"},
    "ai_calling": {"ai_call_logs", "demo_meetings"},
    "outreach": {"outreach_touchpoints", "scheduled_touchpoints"},
    "lead_generator": {
        "base_leads",
        "roofing_leads",
        "lead_triggers",
        "lead_clusters",
        "hvac_properties",
        "hvac_leads",
        "parcel_storms",
        "parcel_triggers",
        "sold_lead_storms",
    },
    "orchestrator": {"verticals", "target_cities"},
    "marketplace": {
        "users",
        "refresh_tokens",
        "account_links",
        "api_keys",
        "second_factors",
        "sales",
        "payments",
        "lead_assignments",
        "lead_views",
        "notifications",
        "notice_mails",
        "push_subscriptions",
        "notice_pushes",
        "notice_texts",
        "text_numbers",
        "ledger_accounts",
        "ledger_entries",
        "aged_leads",
        "aged_inventory",
        "aged_prices",
        "aged_purchases",
        "aged_sales",
        "aged_quotes",
        "company_profiles",
        "reactivation_leads",
        "lead_processing_logs",
        "crm_conflicts",
        "sale_returns",
        "sale_outcomes",
        "delivery_attempts",
        "delivery_destinations",
        "lead_deliveries",
        "guarantee_settlements",
        "receipts",
        "plans",
        "plan_subscriptions",
        "plan_periods",
        "plan_waits",
        "early_payment_news",
        "promo_codes",
        "promo_redemptions",
        "seeds",
        "seed_sightings",
        "buyer_checks",
        "territories",
        "buyer_evidence",
        "buyer_cases",
        "privacy_requests",
        "privacy_subjects",
        "privacy_notices",
        "privacy_codes",
    },
    "relay": set(),
}
WRITTEN_BY_ALL = {"api_usage_logs", "system_events", "audit_log"}
SECOND_WRITERS: dict[tuple[str, str], set[str]] = {
    ("marketplace", "base_leads"): {
        "status",
        "status_reason",
        "reserved_at",
        "sold_at",
        "sale_id",
        "exclusive_contractor_id",
    },
    ("marketplace", "lead_clusters"): {"exclusive_contractor_id", "assigned_at"},
    ("marketplace", "hvac_leads"): {
        "notes",
        "sync_status",
        "summit_contact_id",
        "summit_synced_at",
        "sync_error",
    },
    ("enricher", "base_leads"): {
        "subject_id",
        *(f"owner_{what}{end}" for what in ("name", "email", "phone") for end in ("", "_hash")),
        "mailing_address",
        "mailing_address_hash",
        "owner_email_confidence",
        "owner_email_source",
        "owner_email_verified",
        "owner_phone_verified",
        "email_acquisition_cost",
    },
    ("enricher", "parcels"): {"lat", "lng", "geom", "zip"},
    ("enricher", "roofing_permits"): {"lat", "lng", "geom", "zip"},
    ("scraper", "target_cities"): {"first_scraped_at", "last_scraped_at", "total_permits_found"},
    ("lead_generator", "target_cities"): {"total_properties_processed"},
}


def public_tables(connection: Connection) -> set[str]:
    rows = connection.execute(
        """
        SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition AND c.relname NOT IN ('spatial_ref_sys', 'alembic_version')
        """
    )
    return {row.relname for row in rows}


def test_every_public_table_is_created_in_by_exactly_its_owner(connection: Connection) -> None:
    may: dict[str, set[str]] = {service: set() for service in SERVICE_ROLES}
    for service, role in SERVICE_ROLES.items():
        for table in public_tables(connection):
            if one(connection, "SELECT has_table_privilege(%s, %s, 'INSERT')", role, table):
                may[service].add(table)

    assert may == {service: tables | WRITTEN_BY_ALL for service, tables in OWNERS.items()}


def test_second_writers_change_their_columns_and_no_other(connection: Connection) -> None:
    owned = {table: service for service, tables in OWNERS.items() for table in tables}
    rows = connection.execute(
        """
        SELECT r.rolname AS role, a.attrelid::regclass::text AS table_name, a.attname AS name
        FROM pg_roles r CROSS JOIN pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace
            AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        WHERE r.rolname LIKE 'svc\\_%' AND a.attnum > 0 AND NOT a.attisdropped
          AND has_column_privilege(r.oid, a.attrelid, a.attnum, 'UPDATE')
        """
    )
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        service = row.role.removeprefix("svc_")
        if owned.get(row.table_name) != service:
            found.setdefault((service, row.table_name), set()).add(row.name)

    contractors = found.pop(("marketplace", "contractors"))
    assert found == SECOND_WRITERS
    assert {"subscription_tier", "credential_status", "daily_cap"} <= contractors
    assert not contractors & {
        "company_name",
        "email",
        "fit_score",
        "priority_score",
        "acquisition_status",
        "id",
    }


WHO_AM_I = """
    SELECT current_user::text, rolsuper, rolcreatedb, rolcreaterole,
           (SELECT count(*) FROM pg_class WHERE relowner = r.oid) FROM pg_roles r WHERE rolname = current_user
"""
MAY_CREATE = """
    SELECT count(*) FROM pg_namespace
     WHERE nspname IN ('public', 'core', 'compliance') AND has_schema_privilege(oid, 'CREATE')
"""
MAY_READ = "SELECT has_any_column_privilege(:table, 'SELECT')"
FOR_THE_MARKETPLACE = (
    "users",
    "refresh_tokens",
    "account_links",
    "api_keys",
    "second_factors",
    "payments",
    "ledger_entries",
    "notifications",
    "sale_returns",
    "privacy_requests",
    "privacy_notices",
    "privacy_codes",
)

STATEMENTS: list[tuple[str, LiteralString, bool]] = [
    ("enricher", "UPDATE base_leads SET owner_email = 'c', owner_email_hash = 'h'", True),
    ("enricher", "UPDATE base_leads SET price = 1", False),
    ("enricher", "UPDATE base_leads SET status = 'withdrawn'", False),
    (
        "marketplace",
        "UPDATE base_leads SET status = 'withdrawn', status_reason = 'x', reserved_at = now()",
        True,
    ),
    ("marketplace", "UPDATE base_leads SET price = 1", False),
    ("marketplace", "UPDATE base_leads SET quality_score = 99", False),
    ("marketplace", "UPDATE base_leads SET owner_email = 'c'", False),
    ("marketplace", "SELECT 1 FROM base_leads FOR UPDATE", True),
    ("marketplace", "UPDATE aged_leads SET person = '', phone_hash = NULL", True),
    ("marketplace", "UPDATE aged_leads SET suppression_keys = '{}'", False),
    ("marketplace", "UPDATE sale_outcomes SET note = NULL", True),
    ("marketplace", "UPDATE sale_outcomes SET outcome = 'won'", False),
    ("enricher", "UPDATE privacy_requests SET status = 'refused'", False),
    ("enricher", "DELETE FROM privacy_subjects", False),
    ("marketplace", "UPDATE contractors SET daily_cap = 3", True),
    ("marketplace", "UPDATE contractors SET company_name = 'x'", False),
    ("marketplace", "SELECT password_hash FROM users", True),
    ("marketplace", "UPDATE ledger_accounts SET balance_cents = 1", False),
    ("marketplace", "UPDATE ledger_entries SET debit_cents = 1", False),
    ("marketplace", "DELETE FROM sales", False),
    ("lead_generator", "UPDATE base_leads SET price = 150, quality_score = 70, status = 'available'", True),
    ("lead_generator", "UPDATE parcels SET year_built = 1990", False),
    ("lead_generator", "SELECT password_hash FROM users", False),
    ("lead_generator", "SELECT api_key_hash FROM company_profiles", False),
    ("enricher", "SELECT 1 FROM payments", False),
    ("enricher", "SELECT 1 FROM ledger_entries", False),
    ("enricher", "SELECT 1 FROM notifications", False),
    ("scraper", "UPDATE base_leads SET price = 1", False),
    ("lead_generator", "SELECT token_hash FROM refresh_tokens", False),
    ("lead_generator", "SELECT wrapped_key FROM compliance.subject_key", False),
    ("scraper", "UPDATE target_cities SET last_scraped_at = now()", True),
    ("scraper", "UPDATE target_cities SET active = true", False),
    ("orchestrator", "UPDATE target_cities SET active = true", True),
    ("orchestrator", "UPDATE core.config SET value = '1'", True),
    ("scraper", "UPDATE core.config SET value = '1'", False),
    ("scraper", "INSERT INTO core.workflow (kind) VALUES ('x')", True),
    ("relay", "UPDATE core.outbox SET published_at = now()", True),
    ("relay", "SELECT core.ensure_partitions(2)", True),
    ("scraper", "SELECT core.drop_old_partitions()", False),
    ("orchestrator", "SELECT core.forget_expired(10)", True),
    ("scraper", "SELECT core.forget_expired(10)", False),
    ("orchestrator", "SELECT core.forget_ended(10)", True),
    ("scraper", "SELECT core.forget_ended(10)", False),
    ("outreach", "UPDATE compliance.contact_decision SET consumed_at = now()", False),
    ("outreach", "DELETE FROM compliance.contact_decision", False),
    ("outreach", "SELECT compliance.consume_decision(gen_random_uuid(), 'r')", True),
    ("outreach", "DELETE FROM compliance.suppression", False),
    ("outreach", "UPDATE core.chain_head SET last_hash = 'x'", False),
    ("outreach", "DELETE FROM audit_log", False),
    ("outreach", "CREATE TABLE mine (id integer)", False),
    ("scraper", "CREATE TEMP TABLE staged (id integer)", True),
    ("ml_inference", "SELECT * FROM core.invariant_violations()", True),
]


@pytest.mark.parametrize(
    ("service", "statement", "allowed"), STATEMENTS, ids=[f"{s}: {q}" for s, q, _ in STATEMENTS]
)
def test_role_may(connection: Connection, service: str, statement: LiteralString, allowed: bool) -> None:
    make_lead(connection)
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(SERVICE_ROLES[service])))
    if allowed:
        connection.execute(statement)
        return
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_a_service_writes_decisions_and_audit_rows_whose_chains_it_cannot_touch(
    connection: Connection,
) -> None:
    connection.execute("SET LOCAL ROLE svc_marketplace")
    connection.execute(
        "INSERT INTO compliance.contact_decision (kind, allow, policy_version, input_hash)"
        " VALUES ('sell', true, 'v', 'h')"
    )
    connection.execute(
        "INSERT INTO audit_log (service, actor, action, object_type) VALUES ('m', 'a', 'b', 'c')"
    )
    connection.execute("INSERT INTO ledger_accounts (code, kind) VALUES ('x', 'asset'), ('y', 'revenue')")
    connection.execute(
        "INSERT INTO ledger_entries (transaction_id, account_id, debit_cents, credit_cents)"
        " SELECT '00000000-0000-0000-0000-000000000001', id, CASE code WHEN 'x' THEN 5 ELSE 0 END,"
        " CASE code WHEN 'y' THEN 5 ELSE 0 END FROM ledger_accounts"
    )
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert one(connection, "SELECT count(*) FROM compliance.contact_decision WHERE row_hash IS NOT NULL") == 1
    assert one(connection, "SELECT balance_cents FROM ledger_accounts WHERE code = 'x'") == 5


def test_the_fleet_login_can_become_a_service_and_nothing_as_itself(database_url: str) -> None:
    migrate.apply_roles(database_url, {migrate.APP_ROLE: "it's a secret"})
    address = urlsplit(plain(database_url))
    login = f"postgresql://{migrate.APP_ROLE}@{address.hostname}:{address.port}{address.path}"

    with psycopg.connect(login, password="it's a secret", options="-c role=svc_scraper") as connection:
        assert one(connection, "SELECT current_user::text") == "svc_scraper"
        assert one(connection, "SELECT count(*) >= 0 FROM roofing_permits") is True
    with (
        psycopg.connect(login, password="it's a secret") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT 1 FROM roofing_permits")


@pytest.mark.parametrize("service", SERVICE_ROLES)
async def test_a_process_works_under_its_role_which_owns_nothing(
    service: str, database_url: str, redis_url: str
) -> None:
    settings = Settings.model_validate({"DATABASE_URL": database_url, "REDIS_URL": redis_url})

    async with open_resources(service, settings) as resources, resources.engine.connect() as connection:
        who = (await connection.execute(text(WHO_AM_I))).one()
        may_create = (await connection.execute(text(MAY_CREATE))).scalar_one()
        readers = {
            table: (await connection.execute(text(MAY_READ), {"table": table})).scalar_one()
            for table in FOR_THE_MARKETPLACE
        }

    assert who == (SERVICE_ROLES[service], False, False, False, 0)
    assert may_create == 0
    assert readers == dict.fromkeys(FOR_THE_MARKETPLACE, service == "marketplace")


@pytest.fixture
def owned_url(server_url: str) -> Iterator[str]:
    """An empty database whose owner is no superuser, as the operator of a cluster makes it."""
    name = f"ridgeline_owned_{uuid4().hex[:12]}"
    run_on_server(
        server_url,
        sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'owner'").format(sql.Identifier(name)),
        sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)),
    )
    extensions = (sql.SQL(f"CREATE EXTENSION {known}") for known in ("postgis", "citext"))
    run_on_server(with_database(server_url, name), *extensions)
    address = urlsplit(server_url)
    yield urlunsplit(
        address._replace(netloc=f"{name}:owner@{address.hostname}:{address.port}", path=f"/{name}")
    )
    run_on_server(
        server_url,
        sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)),
        sql.SQL("DROP ROLE {}").format(sql.Identifier(name)),
    )


def test_an_owner_that_is_no_superuser_migrates_and_grants(owned_url: str) -> None:
    migrate.upgrade(owned_url)

    with psycopg.connect(plain(owned_url)) as connection:
        assert one(connection, "SELECT has_table_privilege('svc_enricher', 'base_leads', 'SELECT')")
        assert not one(connection, "SELECT has_table_privilege('svc_enricher', 'payments', 'SELECT')")


def test_an_unknown_role_gets_no_password(database_url: str) -> None:
    with pytest.raises(ValueError, match="no such role: postgres"):
        migrate.apply_roles(database_url, {"postgres": "x"})


def test_two_databases_of_a_cluster_may_apply_at_once(database_url: str) -> None:
    code = f"from shared.db import migrate\nfor _ in range(3): migrate.apply_roles({database_url!r})"
    runners = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]

    assert [runner.wait(timeout=60) for runner in runners] == [0, 0]
