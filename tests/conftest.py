"""Fixtures every test may ask for: a migrated database, Redis, settings, and the handed-over material."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.cli.environment import read_environment
from shared.db import migrate, seed
from shared.db.engine import SessionMaker, make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from tests.factories.seeded import SeededDatabase

# A busy machine is no wrong answer.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "ridgeline_template"


def environment() -> dict[str, str]:
    """The data plane of this checkout, overridden by the process's own variables."""
    return {**read_environment(ROOT), **os.environ}


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def plain(url: str) -> str:
    """A URL as psycopg wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def run_on_server(url: str, *statements: sql.SQL | sql.Composed) -> None:
    """Run statements outside any transaction, as CREATE DATABASE wants it."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the row of the fault list that a test stands for into its result."""
    for item in items:
        item.user_properties.extend(("fault", str(mark.args[0])) for mark in item.iter_markers("fault"))


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to another machine: a connection that leaves this one fails the test that tries."""
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refusing_strangers(getattr(socket.socket, name)))


def refusing_strangers(connect: Callable[..., Any]) -> Callable[..., Any]:
    """The socket's method for sockets of this machine; everything else fails the test."""

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not is_loopback(address[0]):
            pytest.fail(f"a test connects to {address[0]}")
        return connect(self, address)

    return guarded


def is_loopback(host: str) -> bool:
    """True for an address of this machine; a name other than localhost is none."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def server_url() -> str:
    """The PostgreSQL server of the test data plane."""
    url = environment().get("DATABASE_URL")
    if not url:
        pytest.exit(
            "no DATABASE_URL: run `make setup` first (containers serve it where only Docker is)", returncode=3
        )
    return url


@pytest.fixture(scope="session")
def template_database(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database built by the migrations and seeds, once a run, for all workers; the last one drops it."""
    folder = (
        tmp_path_factory.getbasetemp().parent
        if "PYTEST_XDIST_WORKER" in os.environ
        else tmp_path_factory.getbasetemp()
    )
    name = f"{TEMPLATE}_{folder.name.replace('-', '_')}_{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid4().hex)[:8]}"
    with counted_user(folder / name) as first:
        if first:
            run_on_server(server_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            url = with_database(server_url, name)
            migrate.upgrade(url)
            seed.run(url)
    yield name
    with counted_user(folder / name, -1) as last:
        if last:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            run_on_server(server_url, drop.format(sql.Identifier(name)))


@contextmanager
def counted_user(file: Path, change: int = 1) -> Iterator[bool]:
    """True for the first user to come and for the last one to go; the others wait until the block is through."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = int(file.read_text()) if file.exists() else 0
        after = before + change
        yield 0 in (before, after)
        file.write_text(str(after))


@pytest.fixture(scope="session")
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """This worker's own migrated database, shared by its tests."""
    with cloned(server_url, template_database) as url:
        yield url


@pytest.fixture(scope="session")
def seeded_database(database_url: str) -> Iterator[SeededDatabase]:
    """What brings this worker's database back to its seeds."""
    with psycopg.connect(plain(database_url)) as connection:
        yield SeededDatabase(connection)


@pytest.fixture(scope="module")
def own_database_url(server_url: str, template_database: str) -> Iterator[str]:
    """A migrated database for the tests of one module alone, whose rows nobody else meets."""
    with cloned(server_url, template_database) as url:
        yield url


@contextmanager
def cloned(server_url: str, template: str) -> Iterator[str]:
    """A copy of the template, dropped at the end."""
    name = f"ridgeline_test_{uuid4().hex[:12]}"
    clone = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    run_on_server(server_url, clone, *unsafe_but_fast(name))
    yield with_database(server_url, name)
    run_on_server(server_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def unsafe_but_fast(name: str) -> list[sql.SQL | sql.Composed]:
    """Settings only a database that may be lost can have."""
    return [sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))]


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on this worker's database."""
    engine = make_engine(database_url, pool_size=20, application_name="tests")
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def db(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session whose work is rolled back after the test."""
    async with engine.connect() as connection:
        outer = await connection.begin()
        session = AsyncSession(
            bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        )
        yield session
        await session.close()
        await outer.rollback()


@pytest_asyncio.fixture
async def committed_db(engine: AsyncEngine, seeded_database: SeededDatabase) -> AsyncIterator[SessionMaker]:
    """Sessions whose work is committed; every table is emptied and seeded again after the test."""
    yield make_session_maker(engine)
    seeded_database.restore()


@pytest_asyncio.fixture
async def unit_of_work(committed_db: SessionMaker) -> UnitOfWorkFactory:
    """A factory of units of work that commit."""
    return UnitOfWorkFactory(committed_db)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """This worker's own Redis database."""
    base = environment().get("REDIS_URL", "redis://127.0.0.1:6379/0")
    number = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return urlunsplit(urlsplit(base)._replace(path=f"/{number}"))


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis database."""
    client: Redis = Redis.from_url(redis_url, decode_responses=True)
    await client.flushdb()
    yield client
    await client.flushdb()
    await client.aclose()


@pytest.fixture(scope="session")
def handed_over() -> Path:
    """The folder of real public files; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("RIDGELINE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "README.md").is_file():
        pytest.skip(f"the handed-over material is not at {folder}")
    return folder
