"""No table with a person in it is forgotten by an erasure."""

from __future__ import annotations

import re

from shared.compliance.erasure import ERASED, KEPT_COLUMNS
from tests.integration.db.conftest import Connection

COLUMNS = """
    SELECT CASE c.table_schema WHEN 'public' THEN '' ELSE c.table_schema || '.' END
           || c.table_name || '.' || c.column_name AS name,
           c.is_nullable = 'YES' AS optional
      FROM information_schema.columns c
      JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema IN ('public', 'core', 'compliance') AND t.table_type = 'BASE TABLE'
"""
OF_A_PERSON = re.compile(
    r"(^|_)(email|phone|phone_number|mailing_address|username|full_name|person|subject_id)(_hash)?$"
    r"|^owner_name(_hash)?$|^(sealed_answer|raw_data|suppression_keys|recipient_hash|contact_hash)$"
)
BY_NAME_ONLY = {"reactivation_leads.name"}


def schema(connection: Connection) -> dict[str, bool]:
    return {str(row[0]): bool(row[1]) for row in connection.execute(COLUMNS)}


def test_every_column_of_a_person_is_erased_or_kept_for_a_reason(connection: Connection) -> None:
    found = {name for name in schema(connection) if OF_A_PERSON.search(name.rpartition(".")[2])}
    known = {f"{table.name}.{column}" for table in ERASED for column in table.cleared} | set(KEPT_COLUMNS)

    assert sorted(found - known) == [], "name it in shared/compliance/erasure.py"


def test_the_map_names_only_columns_that_exist_and_clears_only_what_may_be_empty(
    connection: Connection,
) -> None:
    columns = schema(connection)
    cleared = {f"{table.name}.{column}": value for table in ERASED for column, value in table.cleared.items()}

    assert sorted((set(cleared) | set(KEPT_COLUMNS)) - set(columns)) == []
    assert [name for name, value in cleared.items() if value == "NULL" and not columns[name]] == []
    assert set(cleared) & set(KEPT_COLUMNS) == set()
    assert set(KEPT_COLUMNS) >= BY_NAME_ONLY


def test_every_table_of_the_map_is_found_by_its_persons_key(connection: Connection) -> None:
    columns = schema(connection)
    assert [table.name for table in ERASED if f"{table.name}.subject_id" not in columns] == []
