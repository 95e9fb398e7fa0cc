from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import ARRAY, CheckConstraint, Column

from shared.db.models import Base
from shared.db.models.base import Choice
from shared.schemas.enums import LIVE_SALES, LeadStatus, SaleStatus, ViewAngle
from shared.schemas.workflow_enums import LIVE_WORKFLOWS, WorkflowStatus
from tests.integration.db.conftest import Connection, one

CHECKS = """
    SELECT n.nspname || '.' || t.relname AS table_name, c.conname, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE c.contype = 'c' AND NOT t.relispartition AND n.nspname IN ('public', 'core', 'compliance')
      AND c.conrelid <> 'spatial_ref_sys'::regclass
"""


def _choice_columns() -> Iterator[tuple[str, Column[Any], Choice]]:
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Choice):
                yield f"{table.schema or 'public'}.{table.name}", column, column.type


def test_every_check_of_the_models_is_in_the_database_and_none_besides(connection: Connection) -> None:
    found = {(row.table_name, row.conname) for row in connection.execute(CHECKS)}
    wanted = {
        (f"{table.schema or 'public'}.{table.name}", str(check.name))
        for table in Base.metadata.tables.values()
        for check in {*table.constraints, *(c for column in table.columns for c in column.constraints)}
        if isinstance(check, CheckConstraint)
    }
    assert found == wanted


def test_every_enumeration_check_lists_exactly_the_words_of_its_type(connection: Connection) -> None:
    definitions = {(row.table_name, row.conname): row.definition for row in connection.execute(CHECKS)}
    columns = list(_choice_columns())
    for table, column, kind in columns:
        definition = definitions[table, f"ck_{column.table.name}_{column.name}"]
        assert set(re.findall(r"'([^']*)'", definition)) == {member.value for member in kind.kind}, column
    assert len(columns) > 60


def test_every_list_of_words_is_checked(connection: Connection) -> None:
    listed = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, ARRAY)
        and any("<@" in str(c.sqltext) for c in column.constraints if isinstance(c, CheckConstraint))
    }
    assert listed == {
        "roofing_leads.damage_detected",
        "roof_analysis.damage_types",
        "contractors.roof_types",
        "outreach_campaigns.channels",
        "consent_event.channel_scope",
        "api_keys.scopes",
    }


REFUSED: list[tuple[str, LiteralString]] = [
    (
        "a lead without city",
        (
            "INSERT INTO base_leads (address, city, state, address_key, time_zone)"
            " VALUES ('1 A St', 'Harrow', 'TX', 'k', 'America/Chicago')"
        ),
    ),
    ("an unknown lead status", "UPDATE base_leads SET status = 'on_sale'"),
    ("an unpriced lead on sale", "UPDATE base_leads SET status = 'available'"),
    ("a lead on sale without score", "UPDATE base_leads SET status = 'available', price = 150"),
    ("a free lead on sale", "UPDATE base_leads SET status = 'available', price = 0, quality_score = 80"),
    ("a negative price", "UPDATE base_leads SET price = -1"),
    ("a score of 101", "UPDATE base_leads SET quality_score = 101"),
    ("a confidence above 1", "UPDATE base_leads SET confidence = 1.2"),
    ("an unknown grade", "UPDATE base_leads SET grade = 'F'"),
    (
        "a sixth tier of tornado",
        (
            "INSERT INTO weather_events (event_type, event_date, source, external_id,"
            " content_hash, tornado_rating) VALUES ('tornado', now(), 's', 'x', 'h', 'EF6')"
        ),
    ),
    (
        "a permit without jurisdiction",
        "INSERT INTO roofing_permits (permit_number, address, content_hash) VALUES ('1', 'a', 'h')",
    ),
    (
        "an unknown damage",
        (
            "INSERT INTO roofing_leads (base_lead_id, damage_detected)"
            " SELECT id, ARRAY['meteor'] FROM base_leads"
        ),
    ),
    (
        "a picture from the back",
        (
            "INSERT INTO property_images (base_lead_id, image_type, view_angle, source,"
            " licence_id, image_domain) SELECT id, 'street_view', 'back', 's', 'l', 'rendered' FROM base_leads"
        ),
    ),
    (
        "a picture without licence",
        (
            "INSERT INTO property_images (base_lead_id, image_type, view_angle, source,"
            " image_domain) SELECT id, 'street_view', 'rear', 's', 'rendered' FROM base_leads"
        ),
    ),
    (
        "a contractor's user without contractor",
        "INSERT INTO users (email, password_hash, role) VALUES ('a@b.example', 'x', 'contractor_owner')",
    ),
    (
        "an admin with a contractor",
        (
            "INSERT INTO users (email, password_hash, role, contractor_id)"
            " SELECT 'a@b.example', 'x', 'admin', id FROM contractors"
        ),
    ),
    ("a budget below zero", "INSERT INTO core.budget (scope, cap, spent) VALUES ('x', 1, -1)"),
    (
        "a denial without reason",
        (
            "INSERT INTO compliance.contact_decision (kind, allow, policy_version, input_hash)"
            " VALUES ('sell', false, 'v', 'h')"
        ),
    ),
    (
        "an allowance with reason",
        (
            "INSERT INTO compliance.contact_decision (kind, allow, reasons, policy_version,"
            " input_hash) VALUES ('sell', true, '{X}', 'v', 'h')"
        ),
    ),
    (
        "a contact without channel",
        "INSERT INTO compliance.contact_decision (allow, policy_version, input_hash) VALUES (true, 'v', 'h')",
    ),
    (
        "a shredded key that is still there",
        (
            "INSERT INTO compliance.subject_key (subject_id, wrapped_key, key_id,"
            " shredded_at) VALUES (gen_random_uuid(), 'x', 'k', now())"
        ),
    ),
    (
        "an entry on both sides",
        (
            "INSERT INTO ledger_entries (transaction_id, account_id, debit_cents, credit_cents)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1)"
        ),
    ),
]


def make_lead(connection: Connection, key: str = "1 A ST 76999") -> Any:
    """A processing lead of the sandbox's first town."""
    return one(
        connection,
        """
        INSERT INTO base_leads (address, city, state, address_key, city_id, time_zone)
        SELECT '1 A St', city, state, %s, id, time_zone FROM target_cities WHERE city = 'Harrow' RETURNING id
        """,
        key,
    )


@pytest.mark.parametrize(("what", "statement"), REFUSED, ids=[what for what, _ in REFUSED])
def test_the_database_refuses(connection: Connection, what: str, statement: LiteralString) -> None:
    make_lead(connection)
    with pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)


def test_a_new_lead_is_processing_and_one_with_price_and_score_may_be_on_sale(connection: Connection) -> None:
    lead = make_lead(connection)

    assert one(connection, "SELECT status FROM base_leads WHERE id = %s", lead) == "processing"
    connection.execute("UPDATE base_leads SET status = 'available', price = 150, quality_score = 71")


def test_the_same_address_key_may_exist_once_a_state(connection: Connection) -> None:
    make_lead(connection)
    with pytest.raises(psycopg.errors.UniqueViolation):
        make_lead(connection)


def test_one_permit_number_may_exist_in_two_jurisdictions(connection: Connection) -> None:
    insert: LiteralString = """
        INSERT INTO roofing_permits (permit_number, jurisdiction, address, content_hash) VALUES ('77', %s, 'a', 'h')
    """
    connection.execute(insert, ("Harrow, TX",))
    connection.execute(insert, ("Ashby County, TX",))
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(insert, ("Harrow, TX",))


def test_a_second_live_workflow_of_a_subject_is_refused_and_a_finished_one_is_not_in_the_way(
    connection: Connection,
) -> None:
    insert: LiteralString = "INSERT INTO core.workflow (kind, subject_id, status) VALUES ('property', %s, %s)"
    subject = uuid4()
    connection.execute(insert, (subject, "done"))
    connection.execute(insert, (subject, "running"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(insert, (subject, "pending"))


@pytest.mark.parametrize(
    ("status", "free"), [("reserved", False), ("payment_unknown", False), ("declined", True)]
)
def test_a_lead_has_at_most_one_live_sale(connection: Connection, status: str, free: bool) -> None:
    lead = make_lead(connection)
    insert: LiteralString = """
        INSERT INTO sales (base_lead_id, contractor_id, status, price, reserved_until)
        SELECT %s, id, %s, 150, now() + interval '15 minutes' FROM contractors LIMIT 1
    """
    connection.execute(insert, (lead, status))
    if free:
        connection.execute(insert, (lead, "reserved"))
        return
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(insert, (lead, "reserved"))


def test_partial_indexes_speak_of_the_same_live_states_as_the_code(connection: Connection) -> None:
    def words(index: str) -> set[str]:
        definition = one(connection, "SELECT pg_get_indexdef(%s::regclass)", index)
        return set(re.findall(r"'([^']*)'", definition.split(" WHERE ")[1]))

    assert words("uq_sales_live_lead") == set(LIVE_SALES)
    assert words("core.uq_workflow_live_subject") == set(LIVE_WORKFLOWS)


def test_questions_on_the_enumerations() -> None:
    assert [status for status in LeadStatus if status.sellable()] == [LeadStatus.AVAILABLE]
    assert [status for status in LeadStatus if status.priced()] == ["available", "reserved", "sold"]
    assert [status for status in SaleStatus if not status.live()] == ["declined", "released", "refunded"]
    assert [status for status in WorkflowStatus if not status.live()] == ["done", "failed", "cancelled"]
    assert ViewAngle.parse(" Back ") is ViewAngle.REAR
