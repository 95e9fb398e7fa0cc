from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from shared.db import migrate
from shared.db.revision import required_revision
from tests.conftest import run_on_server, with_database
from tests.integration.db.conftest import plain


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    name = f"ridgeline_empty_{uuid4().hex[:12]}"
    run_on_server(server_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield with_database(server_url, name)
    run_on_server(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_upgrade_reaches_the_required_revision_and_twice_is_harmless(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    with pytest.raises(migrate.SchemaTooOld, match="at nothing"):
        migrate.check(empty_url)

    assert migrate.upgrade(empty_url) == required_revision()
    assert migrate.upgrade(empty_url) == required_revision()

    assert migrate.check(empty_url) == required_revision()
    assert migrate.drift(empty_url) == []


def test_two_runners_at_once_leave_one_schema(empty_url: str) -> None:
    command = [sys.executable, "-c", f"from shared.db import migrate; print(migrate.upgrade({empty_url!r}))"]
    runners = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    reached = [runner.communicate(timeout=60)[0].strip() for runner in runners]

    assert reached == [required_revision()] * 2


def test_required_revision_is_the_head_and_numbers_are_without_gap() -> None:
    script = ScriptDirectory.from_config(Config(str(migrate.DATABASE_FILES / "alembic.ini")))
    revisions = sorted(revision.revision for revision in script.walk_revisions())

    assert script.get_heads() == [required_revision()]
    assert revisions == [f"{number:04d}" for number in range(1, len(revisions) + 1)]


def test_an_older_schema_is_refused_and_a_newer_one_tolerated(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0002")
    with pytest.raises(migrate.SchemaTooOld, match="0002"):
        migrate.check(empty_url)

    with psycopg.connect(plain(empty_url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9001'")

    assert migrate.check(empty_url) == "9001"


DRIFTS = {
    "ALTER TABLE base_leads ADD COLUMN surprise text": "surprise",
    "ALTER TABLE core.step DROP COLUMN worker": "'add_column', 'core', 'step'",
    "DROP INDEX idx_base_leads_geom": "idx_base_leads_geom",
    "ALTER TABLE compliance.suppression ALTER COLUMN reason DROP NOT NULL": "modify_nullable",
    "ALTER TABLE sales ALTER COLUMN price TYPE numeric(12, 2)": "modify_type",
    "ALTER TABLE base_leads ALTER COLUMN status SET DEFAULT 'available'": "modify_default",
    "CREATE TABLE core.forgotten (id integer)": "forgotten",
}


def test_every_kind_of_drift_between_models_and_schema_is_reported(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    run_on_server(empty_url, *(sql.SQL(change) for change in DRIFTS))

    report = " ".join(migrate.drift(empty_url))

    assert {change: word for change, word in DRIFTS.items() if word not in report} == {}


def test_a_table_that_is_locked_is_waited_for_briefly_and_tried_again(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0004")
    released = threading.Event()

    def upgrade() -> None:
        migrate.upgrade(empty_url)
        released.set()

    with psycopg.connect(plain(empty_url)) as blocker:
        # 0005 references target_cities, which needs a lock that this one conflicts with
        blocker.execute("LOCK TABLE target_cities IN ACCESS EXCLUSIVE MODE")
        worker = threading.Thread(target=upgrade)
        worker.start()
        time.sleep(3.6)
        assert not released.is_set()
        blocker.rollback()
        worker.join(timeout=30)

    assert released.is_set()
    assert migrate.current(empty_url) == required_revision()
