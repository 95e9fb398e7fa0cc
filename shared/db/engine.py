"""Engines and sessions: one psycopg URL for application and migrations."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from shared.db.direct import DirectSession
from shared.settings import SERVICE_PORTS

SessionMaker = async_sessionmaker[DirectSession]

SERVICE_ROLES: dict[str, str] = {name: f"svc_{name}" for name in (*SERVICE_PORTS, "relay")}
"""The database role each process works under; its grants are ARCHITECTURE 1's table of owners."""

BEGINS_ITSELF = "ridgeline_begins_itself"
"""The execution option of connections whose user sends BEGIN, or wants none."""


def _dumps(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def make_engine(
    url: str,
    *,
    pool_size: int = 12,
    application_name: str = "ridgeline",
    recycle: int = 1800,
    role: str | None = None,
) -> AsyncEngine:
    """An async engine whose sessions are READ COMMITTED, UTC and named in pg_stat_activity.

    With a role every session has that role's grants only, whoever logs in. Connections are opened when first
    needed and kept: one above the pool's size would be opened and closed for every transaction.

    The driver is in autocommit and BEGIN is sent when sqlalchemy begins, unless BEGINS_ITSELF is set. Setting the
    driver's mode at each checkout instead awaits, and a task cancelled there would keep the connection for good.
    """
    options = "-c timezone=UTC -c idle_in_transaction_session_timeout=120000"
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_recycle=recycle,
        pool_timeout=15,
        pool_use_lifo=True,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 5,
            "prepare_threshold": 5,
            "options": f"{options} -c role={role}" if role else options,
            "autocommit": True,
        },
    )
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(BEGINS_ITSELF):
        connection.exec_driver_sql("BEGIN")


def make_session_maker(engine: AsyncEngine) -> SessionMaker:
    """Sessions that keep their objects readable after commit."""
    return async_sessionmaker(engine, class_=DirectSession, expire_on_commit=False)
