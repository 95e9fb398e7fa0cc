"""An empty database for a demo, without losing what somebody put into the old one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis

from shared.cli.archive import local_store
from shared.cli.environment import home, read_environment
from shared.cli.postgres_tools import Server, create_database, drop_database, swap_database
from shared.cli.state import run_folder
from shared.errors import Conflict
from shared.settings import Settings

REAL_DATA = """
    SELECT EXISTS (SELECT 1 FROM target_cities WHERE active AND NOT sandbox)
        OR EXISTS (SELECT 1 FROM raw_records WHERE source = 'file')
        OR EXISTS (SELECT 1 FROM base_leads WHERE NOT sandbox)
"""
ANY_LEAD = "SELECT EXISTS (SELECT 1 FROM base_leads)"


def start_afresh() -> Iterator[str]:
    """Empty the checkout's own database, Redis and sandbox; what was done, in words.

    A database that the environment names is not ours to empty: Conflict when it holds leads already.
    """
    settings = Settings()
    server = Server.of(settings.database_url)
    if read_environment().get("DATABASE_URL") != settings.database_url:
        if _true(server, "base_leads", ANY_LEAD):
            raise Conflict(
                f"the database {server.database} of DATABASE_URL holds leads; say --keep to go on with it"
            )
        return
    if _true(server, "base_leads", REAL_DATA):
        yield f"the database with real data was put aside as {_put_aside(server)}"
    else:
        drop_database(server, server.database)
        create_database(server, server.database)
        _empty_own_folder(local_store(settings))
    Redis.from_url(settings.redis_url.get_secret_value()).flushdb()
    for journal in run_folder().glob("sandbox-*.jsonl"):
        journal.unlink(missing_ok=True)


def _true(server: Server, table: str, question: str) -> bool:
    """The answer of a database that has the table, False without it."""
    with server.connect() as connection:
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
        if not there or not there[0]:
            return False
        row = connection.execute(question.encode()).fetchone()
    return bool(row and row[0])


def _put_aside(server: Server) -> str:
    """The new name of the old database; an empty one has its place."""
    stamp = f"{datetime.now(UTC):%Y%m%d_%H%M%S}"
    fresh, retired = f"{server.database}_fresh_{stamp}", f"{server.database}_before_{stamp}"
    create_database(server, fresh)
    swap_database(server, fresh, retired=retired)
    return retired


def _empty_own_folder(store: Path | None) -> None:
    """Remove stored pictures of a database that is gone, if they lie in the checkout's own folder."""
    if store is not None and store == home() / "objects":
        shutil.rmtree(store, ignore_errors=True)
