"""A process beside a database that is not migrated yet."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from shared.db.revision import required_revision
from shared.runtime import Service
from shared.runtime.application import Readiness, readiness_report
from shared.runtime.process import start_when_schema_is_there
from shared.runtime.worker import Worker
from shared.settings import Settings
from shared.workflow.schedule import daily
from tests.factories.services import running, settings_with_keys

SERVICE = Service(
    name="orchestrator",
    summary="Seeds one job when it starts.",
    schedule=[daily("00:10", "test_seeded", "housekeeping", "A row that tells of a start.")],
)


def set_revision(url: str, revision: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


def started(url: str) -> bool:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT count(*) FROM core.schedule WHERE job = 'test_seeded'").fetchone()
    return found == (1,)


async def test_worker_waits_for_the_schema_it_needs_and_says_so(
    own_database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_with_keys(Settings, database_url=own_database_url, redis_url=redis_url, port_base=1)
    set_revision(own_database_url, "0001")
    async with running(SERVICE, settings) as process:
        readiness = Readiness()
        worker = Worker(SERVICE, process.resources, readiness)
        starting = asyncio.create_task(
            start_when_schema_is_there(worker, process.resources, every_seconds=0.05)
        )
        said = ""
        while "worker_waits_for_database" not in said and not starting.done():
            await asyncio.sleep(0.05)
            said += capsys.readouterr().out
        report = await readiness_report(process.resources, readiness)

        assert not starting.done()
        assert not started(own_database_url)
        assert "schema 0001 is older" in said
        assert report["status"] == "not_ready"
        assert report["parts"]["database"] == f"schema 0001 is older than {required_revision()}"

        set_revision(own_database_url, required_revision())
        await starting
        assert started(own_database_url)
        await worker.drain()
