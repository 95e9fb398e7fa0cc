"""The schema's own operations: upgrade, drift, revision, roles. Synchronous; run by the owner role."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.util import CommandError
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from shared.db.engine import SERVICE_ROLES
from shared.db.revision import REQUIRED_REVISION
from shared.errors import Unavailable
from shared.settings import Settings

MIGRATION_LOCK = 7_235_101
LOCK_TIMEOUT = "3s"
STATEMENT_TIMEOUT = "15min"
LOCK_ATTEMPTS = 20
DATABASE_FILES = Path(__file__).resolve().parents[2] / "db"

APP_ROLE = "ridgeline_app"
"""A login that may become every service role (SET ROLE) and has no right of its own."""

_LOCK_NOT_AVAILABLE = "55P03"
# another database of the cluster did the same: tuple concurrently updated, duplicate object, unique, lock
_ROLE_RACES = {"XX000", "42710", "23505", _LOCK_NOT_AVAILABLE}


class SchemaTooOld(Unavailable):
    """The database's schema is older than this code needs; run `ridgeline migrate`."""

    code, title = "schema-too-old", "Schema too old"


def _engine(url: str | None) -> Engine:
    options = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT} -c timezone=UTC"
    return create_engine(
        url or Settings().database_url,
        poolclass=NullPool,
        connect_args={"options": options, "application_name": "ridgeline-migrate", "connect_timeout": 5},
    )


@contextmanager
def connect_for_migrations(url: str | None = None) -> Iterator[Connection]:
    """A connection with short lock waits, closed at the end."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config(url: str | None) -> Config:
    config = Config(str(DATABASE_FILES / "alembic.ini"))
    config.attributes["url"] = url
    return config


def run_sql(name: str) -> None:
    """Run db/migrations/sql/<name>.sql inside the present migration."""
    _run_script(op.get_bind(), (DATABASE_FILES / "migrations" / "sql" / f"{name}.sql").read_text())


def _run_script(connection: Connection, script: str) -> None:
    """Run many statements as one; no parameters, so that % and : mean themselves."""
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", "") or "")


def upgrade(url: str | None = None, revision: str = "head") -> str:
    """Bring the schema to `revision` and return the revision reached; harmless when already there.

    The newest schema is also granted to the service roles. A lock that is not free within 3 s is given up and
    tried again, so that a migration never queues the fleet's statements behind itself for long.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            command.upgrade(_config(url), revision)
            break
        except OperationalError as error:
            if _sqlstate(error) != _LOCK_NOT_AVAILABLE or attempt == LOCK_ATTEMPTS:
                raise
            time.sleep(min(0.25 * attempt, 2.0))
    settings = Settings()
    if revision == "head" and settings.database_roles:
        password = settings.database_app_password.get_secret_value()
        apply_roles(url, {APP_ROLE: password} if password else None)
    return current(url) or ""


def current(url: str | None = None) -> str | None:
    """The revision the database is at, or None for an empty one."""
    with connect_for_migrations(url) as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def check(url: str | None = None) -> str:
    """The database's revision; raises SchemaTooOld when it is older than required."""
    found = current(url)
    if found is None or int(found) < int(REQUIRED_REVISION):
        raise SchemaTooOld(f"the schema is at {found or 'nothing'}, this code needs {REQUIRED_REVISION}")
    return found


def drift(url: str | None = None) -> list[str]:
    """What `alembic check` complains about: differences between the models and the schema."""
    try:
        command.check(_config(url))
    except (CommandError, ProgrammingError) as error:  # PostgreSQL cannot compare defaults of different types
        return [str(error)]
    return []


def apply_roles(url: str | None = None, passwords: dict[str, str] | None = None) -> None:
    """Create the service roles, grant what db/roles.sql says, and give LOGIN to the roles named in `passwords`.

    Roles are shared by all databases of a cluster; two databases applying at once is retried.
    """
    given = passwords or {}
    unknown = set(given) - {APP_ROLE, *SERVICE_ROLES.values()}
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            with connect_for_migrations(url) as connection, connection.begin():
                _run_script(connection, (DATABASE_FILES / "roles.sql").read_text())
                for role, password in given.items():
                    _allow_login(connection, role, password)
            return
        except DBAPIError as error:
            if _sqlstate(error) not in _ROLE_RACES or attempt == LOCK_ATTEMPTS:
                raise
            time.sleep(0.1 * attempt)


def _allow_login(connection: Connection, role: str, password: str) -> None:
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    driver = connection.connection.driver_connection
    _run_script(connection, statement.as_string(driver))
