from __future__ import annotations

import re

import pytest

from tests.integration.db.conftest import Connection
from tests.integration.db.specified import SpecifiedColumn, SpecifiedIndex, columns, indexes

SECRET = "text"
DEVIATIONS = {
    # ciphertext with a blind index beside it (ARCHITECTURE 4)
    ("base_leads", "owner_name"): {"kind": SECRET},
    ("base_leads", "owner_email"): {"kind": SECRET},
    ("base_leads", "owner_phone"): {"kind": SECRET},
    ("contractors", "owner_name"): {"kind": SECRET},
    # nothing unpriced is on sale (C-02)
    ("base_leads", "status"): {"default": "'processing'"},
    # a seeded city is not worked before it is activated (ARCHITECTURE 3)
    ("target_cities", "active"): {"default": "false"},
    # hail over 9.99 in and damage of many billions exist (G-32)
    ("weather_events", "hail_size_inches"): {"kind": "numeric(4,2)"},
    ("weather_events", "damage_estimate"): {"kind": "numeric(16,2)"},
}
# A job of the scraper is a workflow: the table's columns are read from the core (ARCHITECTURE 2).
VIEWS = {"scraping_jobs"}
COLUMN = """
    SELECT format_type(a.atttypid, a.atttypmod) AS kind, a.attnotnull AS not_null,
           pg_get_expr(d.adbin, d.adrelid) AS default_value,
           (SELECT min(c.confrelid::regclass::text) FROM pg_constraint c
             WHERE c.conrelid = a.attrelid AND c.contype = 'f' AND c.conkey = ARRAY[a.attnum]) AS reference
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped
"""
INDEX = """
    SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indpred IS NOT NULL AS partial
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(%s) AND c.relname = %s
"""


def test_the_checklist_names_22_tables_with_490_columns_and_48_indexes() -> None:
    assert len({column.table for column in columns()}) == 22
    assert len(columns()) == 490
    assert len(indexes()) == 48


@pytest.mark.parametrize("table", sorted({column.table for column in columns()}))
def test_table_has_every_specified_column(connection: Connection, table: str) -> None:
    for column in (c for c in columns() if c.table == table):
        _assert_as_specified(connection, column)


def _assert_as_specified(connection: Connection, column: SpecifiedColumn) -> None:
    found = connection.execute(COLUMN, (column.table, column.name)).fetchone()
    label = f"{column.table}.{column.name}"
    assert found is not None, label
    deviation = DEVIATIONS.get((column.table, column.name), {})
    assert found.kind == deviation.get("kind", column.kind), label
    if column.table in VIEWS:
        return
    default = deviation.get("default", column.default)
    if default is not None:
        assert re.sub(r"::[\w ]+$", "", found.default_value or "") == default, label
    assert found.not_null or not column.not_null, label
    if column.reference:
        assert found.reference == column.reference, label


@pytest.mark.parametrize(
    "index", [i for i in indexes() if i.table not in VIEWS], ids=lambda index: index.name
)
def test_specified_index_exists(connection: Connection, index: SpecifiedIndex) -> None:
    found = connection.execute(INDEX, (index.table, index.name)).fetchone()
    # the e-mail itself is ciphertext; looking it up goes by its blind index (C-49)
    keys = "owner_email_hash" if index.keys == "owner_email" else index.keys
    assert found is not None
    assert f"({keys})" in found.definition
    assert found.partial == index.partial


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("verticals", "name"),
        ("verticals", "slug"),
        ("target_cities", "city, state"),
        ("base_leads", "state, address_key"),  # G-05 instead of (address, city, state)
        ("roofing_leads", "base_lead_id"),
        ("roofing_permits", "jurisdiction, permit_number"),  # G-06 instead of permit_number alone
        ("weather_events", "source, external_id"),
        ("parcels", "county, state, apn"),
        ("users", "email"),
        ("payments", "idempotency_key"),
    ],
)
def test_natural_key_is_unique(connection: Connection, table: str, keys: str) -> None:
    definitions = connection.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass(%s) AND indisunique",
        (table,),
    ).fetchall()
    assert any(row[0].endswith(f"({keys})") for row in definitions)


def test_every_foreign_key_has_an_index(connection: Connection) -> None:
    bare = connection.execute(
        """
        SELECT c.conrelid::regclass::text AS table_name, a.attname FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_namespace n ON n.oid = c.connamespace AND n.nspname IN ('public', 'core', 'compliance')
        WHERE c.contype = 'f' AND NOT EXISTS (
            SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])
        ORDER BY 1, 2
        """
    ).fetchall()
    assert [tuple(row) for row in bare] == []


def test_every_point_and_area_is_indexed_in_space(connection: Connection) -> None:
    bare = connection.execute(
        """
        SELECT f_table_name, f_geography_column FROM geography_columns g
        WHERE f_geography_column <> 'bbox' AND NOT EXISTS (
            SELECT 1 FROM pg_indexes i WHERE i.tablename = f_table_name
               AND i.indexdef LIKE '%USING gist (' || f_geography_column || ')')
        """
    ).fetchall()
    assert [tuple(row) for row in bare] == []


def test_every_time_has_a_zone(connection: Connection) -> None:
    bare = connection.execute(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema IN ('public', 'core', 'compliance') AND data_type = 'timestamp without time zone'
        """
    ).fetchall()
    assert bare == []


def test_every_secret_column_has_a_blind_index_and_a_subject(connection: Connection) -> None:
    rows = connection.execute(
        """
        SELECT table_name, array_agg(column_name::text) AS names FROM information_schema.columns
        WHERE table_schema = 'public' GROUP BY table_name
        """
    ).fetchall()
    for row in rows:
        for secret in {"owner_name", "owner_email", "owner_phone", "mailing_address"} & set(row.names):
            assert f"{secret}_hash" in row.names, row.table_name
            assert "subject_id" in row.names, row.table_name
