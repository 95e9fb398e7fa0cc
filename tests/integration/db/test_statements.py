"""Every statement of the code is prepared against the schema and planned under its service's role.

PREPARE finds unknown tables, columns and types; EXPLAIN EXECUTE checks the role's rights without running.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql

from shared.db.engine import SERVICE_ROLES
from tests.integration.db.conftest import Connection, one

ROOT = Path(__file__).resolve().parents[3]
VERBS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
BIND = re.compile(r"(?<![:\w]):([a-z_]\w*)")
SHARED_ROLES = {
    # the scheduler ticks in the orchestrator's worker, the relay and sweeper in the relay
    "shared/runtime/": "orchestrator",
    "shared/workflow/schedule": "orchestrator",
    "shared/relay/": "relay",
    # the method that reads a source is remembered by whoever reads pages
    "shared/providers/page_reading/": "scraper",
    # personal data is encrypted and revealed by four services
    "shared/security/": "marketplace",
    "shared/": "outreach",
}
"""Who stands for the callers of shared code: the one with the fewest rights that must be able to."""

MADE_BEFORE = ('"staged_', '"judged"')
"""Temporary tables that the same transaction makes first."""


class Statement(NamedTuple):
    """One literal statement and where it stands."""

    path: str
    line: int
    text: str


def literal_statements() -> Iterator[Statement]:
    """Every text("...") of services and shared that begins with a verb of SQL."""
    for folder in ("services", "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("shared/sandbox", "shared/db/", "shared/cli/")):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "text" and node.args:
                    words = getattr(node.args[0], "value", None)
                    if isinstance(words, str) and VERBS.match(words):
                        yield Statement(name, node.lineno, words)


def role_of(path: str) -> str:
    """The service whose process runs the statement."""
    if path.startswith("services/"):
        return path.split("/")[1]
    return next(service for prefix, service in SHARED_ROLES.items() if path.startswith(prefix))


def numbered(words: str) -> str:
    """The statement with $1, $2 for its binds; every occurrence on its own, as each gets its own type."""
    count = 0

    def place(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${count}"

    return BIND.sub(place, words)


def fault_of(connection: Connection, statement: Statement) -> str | None:
    """What the database says against a statement under its role, or None."""
    role = SERVICE_ROLES[role_of(statement.path)]
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            connection.execute(f"PREPARE asked AS {numbered(statement.text)}".encode())
            wanted = one(
                connection,
                "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'",
            )
            nothing = f"({', '.join(['NULL'] * wanted)})" if wanted else ""
            connection.execute(f"EXPLAIN EXECUTE asked{nothing}".encode())
    except psycopg.errors.UndefinedTable as missing:
        return None if any(name in str(missing) for name in MADE_BEFORE) else str(missing)
    except psycopg.Error as error:
        return str(error)
    finally:
        connection.execute("DEALLOCATE ALL")
    return None


@pytest.mark.parametrize("service", [*sorted(SERVICE_ROLES), "shared"])
def test_every_statement_fits_the_schema_and_its_services_rights(
    connection: Connection, service: str
) -> None:
    prefix = "shared/" if service == "shared" else f"services/{service}/"
    faults = {
        f"{statement.path}:{statement.line}": fault
        for statement in literal_statements()
        if statement.path.startswith(prefix) and (fault := fault_of(connection, statement))
    }
    assert faults == {}


def test_the_statements_are_found() -> None:
    assert len(list(literal_statements())) > 100


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("UPDATE base_leads SET price = :price", "permission denied for table base_leads"),
        ("SELECT surprise FROM base_leads", 'column "surprise" does not exist'),
        ("SELECT 1 FROM base_lead", 'relation "base_lead" does not exist'),
        ("SELECT id FROM base_leads WHERE state = :state", None),
    ],
)
def test_a_fault_is_seen(connection: Connection, words: str, fault: str | None) -> None:
    found = fault_of(connection, Statement("services/scraper/repository.py", 1, words))

    assert (found is None) == (fault is None)
    assert (fault or "") in (found or "")
