"""Rules of the house that a linter does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture import source
from tests.architecture.source import Module, modules

MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_FILE = 500
READS_THE_ENVIRONMENT = ("shared.settings", "shared.cli.")
FEEDS_REDIS = ("shared.queue.", "shared.streams.", "shared.relay.")
ENDS_TRANSACTIONS = ("shared.db.", "shared.cli.")


def planted(text: str) -> Module:
    return Module(Path("planted.py"), "planted", text, ast.parse(text))


def outside(found: Module, allowed: tuple[str, ...]) -> bool:
    return not f"{found.name}.".startswith(tuple(f"{name.rstrip('.')}." for name in allowed))


def test_only_settings_and_the_command_read_the_environment() -> None:
    places = [
        place
        for module in modules("services", "shared")
        if outside(module, READS_THE_ENVIRONMENT)
        for place in source.environment_reads(module)
    ]
    assert places == []


def test_sql_of_a_service_is_in_its_repository() -> None:
    places = [
        place
        for module in modules("services")
        if not any("repository" in part for part in module.name.split("."))
        for place in source.sql_statements(module)
    ]
    assert places == []


def test_only_the_relay_feeds_queues_and_streams() -> None:
    places = [
        place
        for module in modules("services", "shared")
        if outside(module, FEEDS_REDIS)
        for place in source.calls_of(module, "xadd", "enqueue", "enqueue_job")
    ]
    assert places == []


def test_commit_is_written_nowhere_but_in_the_unit_of_work() -> None:
    places = [
        f"{module.path}:{node.lineno}"
        for module in modules("services", "shared")
        if outside(module, ENDS_TRANSACTIONS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "commit"
    ]
    assert places == []


def test_functions_fit_a_screen() -> None:
    found = modules("services", "shared", "scripts", "tests")
    long = [line for module in found for line in source.long_functions(module, MOST_LINES_OF_A_FUNCTION)]
    assert long == []


def test_files_stay_readable() -> None:
    found = modules("services", "shared", "scripts", "tests")
    long = [str(module.path) for module in found if module.text.count("\n") >= MOST_LINES_OF_A_FILE]
    assert long == []


@pytest.mark.parametrize(
    "text",
    ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ\nenviron['A']"],
)
def test_reading_of_the_environment_is_seen(text: str) -> None:
    assert list(source.environment_reads(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        "from sqlalchemy import select\nselect(Lead)",
        "from sqlalchemy import text as raw\nraw('SELECT 1')",
        "async def f(uow):\n    await uow.session.execute(FIND)",
        "async def f(session):\n    return await session.scalar(FIND)",
    ],
)
def test_sql_is_seen(text: str) -> None:
    assert list(source.sql_statements(planted(text)))


def test_unit_of_work_without_sql_is_not_accused() -> None:
    text = "from sqlalchemy.ext.asyncio import AsyncSession\nasync def f(uow):\n    await Leads(uow.session).sell(1)"
    assert not list(source.sql_statements(planted(text)))


def test_long_function_is_seen() -> None:
    text = "def f():\n" + "    pass\n" * 50
    assert list(source.long_functions(planted(text), 50)) == ["planted.py:1 f: 51 lines"]
