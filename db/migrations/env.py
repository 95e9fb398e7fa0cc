"""Alembic's entry: one runner at a time, short locks, and only our own tables compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text

from shared.db.migrate import MIGRATION_LOCK, connect_for_migrations
from shared.db.models import Base

SCHEMAS = ("core", "compliance")
OTHERS = {"spatial_ref_sys", "alembic_version"}


def _is_ours(partitions: set[str]) -> Callable[..., bool]:
    def include(item: Any, name: str | None, kind: str, *rest: Any) -> bool:
        """False for PostGIS tables and for partitions, which core.ensure_partitions makes."""
        if kind == "table" and (name in OTHERS or name in partitions):
            return False
        return bool(alembic_helpers.include_object(item, name, kind, *rest))  # type: ignore[no-untyped-call]

    return include


def _partitions(connection: Connection) -> set[str]:
    rows = connection.execute(
        text("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid")
    )
    return {row.relname for row in rows}


def _wanted_schema(name: str | None, kind: str, _: Any) -> bool:
    return kind != "schema" or name is None or name in SCHEMAS


@contextmanager
def _only_runner(connection: Connection) -> Iterator[None]:
    """Hold the migration lock; a second runner waits at most lock_timeout and is retried by its caller.

    No transaction is open on entry to the block: Alembic commits only those it began itself.
    """
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def _migrate(connection: Connection) -> None:
    ours = _is_ours(_partitions(connection))
    with _only_runner(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_schemas=True,
            include_name=_wanted_schema,
            include_object=ours,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def main() -> None:
    """Run on the connection the caller gave, or on one to DATABASE_URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    with connect_for_migrations(context.config.attributes.get("url")) as connection:
        _migrate(connection)


main()
