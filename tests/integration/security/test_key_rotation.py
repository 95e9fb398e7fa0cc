"""`ridgeline keys rotate`: ended at any moment, it is gone on with; afterwards the old key may leave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys
from shared.security.tokens import encode_key
from tests.conftest import ROOT, plain

OLD, NEW, PEPPER = b"o" * 32, b"n" * 32, b"p" * 32
KEYS = 300

Sealed = dict[UUID, str]


@pytest_asyncio.fixture
async def sealed(unit_of_work: UnitOfWorkFactory) -> AsyncIterator[Sealed]:
    """Subjects under the old key and a name of each."""
    async with unit_of_work() as uow:
        ciphers = await SubjectKeys(uow.session, KeyRing({"k1": OLD}, PEPPER)).create_many(KEYS)
    yield {cipher.subject_id: cipher.encrypt("owner_name", "Pat") for cipher in ciphers}


def rotation(database_url: str, *words: str) -> subprocess.Popen[str]:
    """The command, running."""
    variables = {
        "DATABASE_URL": database_url,
        "FIELD_KEYS": f"k2:{encode_key(NEW)},k1:{encode_key(OLD)}",
        "BLIND_INDEX_PEPPER": encode_key(PEPPER),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "keys", "rotate", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_a_killed_rotation_is_gone_on_with_and_the_old_key_may_leave(
    sealed: Sealed, unit_of_work: UnitOfWorkFactory, database_url: str
) -> None:
    killed = rotation(database_url, "--batch", "10")
    assert killed.stdout is not None
    assert killed.stdout.readline() == f"rotated 10, left {KEYS - 10}\n"
    killed.kill()
    killed.communicate()

    said, complained = rotation(database_url, "--batch", "50").communicate(timeout=120)

    assert said.splitlines()[-1].endswith(", left 0"), complained
    async with unit_of_work() as uow:
        loaded = await SubjectKeys(uow.session, KeyRing({"k2": NEW}, PEPPER)).load_many(sealed)
    assert {loaded[subject].decrypt("owner_name", text) for subject, text in sealed.items()} == {"Pat"}


@pytest.mark.usefixtures("sealed")
def test_a_key_that_somebody_holds_is_told(database_url: str) -> None:
    with psycopg.connect(plain(database_url)) as holder:
        holder.execute("SELECT 1 FROM compliance.subject_key LIMIT 1 FOR UPDATE")
        process = rotation(database_url)
        said, complained = process.communicate(timeout=120)

    assert process.returncode == 1
    assert said.splitlines() == [f"rotated {KEYS - 1}, left 1"] * 2
    assert complained == "ridgeline: 1 keys are held by another transaction; run it again\n"
