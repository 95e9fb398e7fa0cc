"""The unit of work: one transaction, its events in the outbox, committed before anybody is answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeVar

import orjson
import psycopg
from sqlalchemy import Executable, Row, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.db.direct import DRIVER, DirectSession, is_plain, notice_loss, run
from shared.db.engine import BEGINS_ITSELF, SessionMaker
from shared.db.rows import say_whose, whose_rows
from shared.events.base import Event
from shared.telemetry.context import current_trace

T = TypeVar("T")

_open_transactions: ContextVar[int] = ContextVar("ridgeline_open_transactions", default=0)

LONGEST_QUEUE_SECONDS = 15.0
BEGAN_AT = "ridgeline.began_at"

_RETRYABLE_SQLSTATES = {"40001", "40P01"}

INSERT_OUTBOX = text(
    """
    INSERT INTO core.outbox (topic, key, type, version, payload, headers)
    SELECT topic, key, type, version, payload, CAST(:headers AS jsonb)
      FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[]), CAST(:types AS text[]),
                  CAST(:versions AS int[]), CAST(:payloads AS jsonb[]))
           AS row(topic, key, type, version, payload)
    """
)


def in_transaction() -> bool:
    """True while the current task holds an open unit of work; no external call may be made then."""
    return _open_transactions.get() > 0


@asynccontextmanager
async def transaction_marker() -> AsyncIterator[None]:
    """Mark the block as running inside a database transaction."""
    _open_transactions.set(_open_transactions.get() + 1)
    try:
        yield
    finally:
        _open_transactions.set(_open_transactions.get() - 1)


class UnitOfWork:
    """One transaction: a session, and events that become outbox rows at its end."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._events: list[Event] = []

    def publish(self, *events: Event | Iterable[Event]) -> None:
        """Announce events; they leave only if this transaction commits."""
        for event in events:
            if isinstance(event, Event):
                self._events.append(event)
            else:
                self._events.extend(event)

    async def database_now(self) -> datetime:
        """The database's time at the start of this transaction."""
        return await database_now(self.session)

    async def write_outbox(self) -> None:
        """Insert the announced events as outbox rows, in order."""
        if not self._events:
            return
        events, self._events = self._events, []
        await insert_outbox(
            self.session,
            [
                (event.stream(), event.key, event.name, event.version, event.model_dump_json())
                for event in events
            ],
        )


async def database_now(session: AsyncSession) -> datetime:
    """The database's time at the start of the session's transaction; a unit of work was told it when it began."""
    told: datetime | None = session.info.get(BEGAN_AT)
    return told or (await session.execute(text("SELECT now()"))).scalar_one()


async def insert_outbox(session: AsyncSession, rows: Sequence[tuple[str, str, str, int, str]]) -> None:
    """Insert (topic, key, type, version, payload JSON) rows, carrying the current trace."""
    topics, keys, types, versions, payloads = (list(column) for column in zip(*rows, strict=True))
    await session.execute(
        INSERT_OUTBOX,
        {
            "headers": trace_headers_json(),
            "topics": topics,
            "keys": keys,
            "types": types,
            "versions": versions,
            "payloads": payloads,
        },
    )


def trace_headers_json() -> str:
    """The current trace as the JSON text of outbox headers."""
    return orjson.dumps(current_trace().headers()).decode()


class UnitOfWorkFactory:
    """Opens units of work: commit at a clean end, roll back otherwise.

    They get their connections in the order they asked; sqlalchemy's TimeoutError after 15 s in the queue.
    Guarded ones say whose rows they are about, as row level security asks (`shared.db.rows`).
    """

    def __init__(self, sessions: SessionMaker, *, guarded: bool = False) -> None:
        engine: AsyncEngine = sessions.kw["bind"]
        self._guarded = guarded
        self._sessions = sessions
        self._engine = engine.execution_options(**{BEGINS_ITSELF: True})
        # The pool itself gives a free connection to whoever asks next, and a waiter it woke queues up again.
        self._turns = asyncio.Semaphore(engine.pool.size())  # type: ignore[attr-defined]

    def __call__(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """One transaction, with the events announced in it."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[UnitOfWork]:
        words = say_whose(whose_rows()) if self._guarded and whose_rows() else ""
        async with _turn(self._turns), transaction_marker():
            for renewed in (False, True):
                async with self._sessions(bind=self._engine) as session:
                    if not await _began(session, words, renewed=renewed):
                        continue
                    uow = UnitOfWork(session)
                    yield uow
                    await session.flush()
                    await uow.write_outbox()
                    await session.commit()
                    return

    async def alone(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """The rows of one statement that is a transaction of its own; none for one that returns none.

        It saves the trips of BEGIN and COMMIT, two of three; it does not say whose rows it is about and so finds none
        of the guarded ones.
        """
        async with _turn(self._turns), self._engine.connect() as connection:
            if is_plain(statement, values):
                driver: Any = (await connection.get_raw_connection()).driver_connection
                try:
                    return (await run(driver, connection.dialect, statement, values)).all()
                except DBAPIError:
                    if driver.closed:
                        await notice_loss(connection)
                    raise
            result = await connection.execute(statement, values)
            return result.all() if result.returns_rows else []


async def _began(session: DirectSession, words: str, *, renewed: bool) -> bool:
    """BEGIN, the words of the transaction and its time in one trip; False where the connection had died in the pool.

    All die there when the database starts anew. Nothing was done in them, so the pool renews them and a new session may
    begin again; on a renewed connection it is an error.
    """
    connection = await (await session.connection()).get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = connection.driver_connection  # type: ignore[assignment]
    try:
        # prepare=False: several statements go as one text only by the simple protocol.
        answer = await driver.execute(f"BEGIN; SELECT now(){words}".encode(), prepare=False)
        answer.nextset()
        session.info[BEGAN_AT] = (await answer.fetchone() or [None])[0]
    except psycopg.Error as error:
        if not driver.closed or renewed:
            raise OperationalError("BEGIN", None, error, connection_invalidated=driver.closed) from error
        await notice_loss(session)
        return False
    session.info[DRIVER] = driver
    return True


@asynccontextmanager
async def _turn(turns: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LONGEST_QUEUE_SECONDS):
            await turns.acquire()
    except TimeoutError:
        raise PoolTimeout(f"no connection came free within {LONGEST_QUEUE_SECONDS:.0f} s") from None
    try:
        yield
    finally:
        turns.release()


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE behind a database error, if there is one."""
    origin: Any = getattr(error, "orig", error)
    return getattr(origin, "sqlstate", None)


async def retry_serialization(work: Callable[[], Awaitable[T]], *, tries: int = 4) -> T:
    """Run a whole transaction again after a deadlock or serialization failure, with jitter, at most three times."""
    for attempt in range(tries):
        try:
            return await work()
        except DBAPIError as error:
            if sqlstate(error) not in _RETRYABLE_SQLSTATES or attempt == tries - 1:
                raise
            await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)
    raise AssertionError("unreachable")
