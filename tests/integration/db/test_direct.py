"""Text statements straight to the driver give what sqlalchemy's own way gives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Integer, bindparam, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.direct import DRIVER, DirectResult, DirectSession
from shared.db.models.workflow import FeatureFlag
from shared.db.unit_of_work import UnitOfWorkFactory

ODD = text(
    """
    SELECT CAST(:number AS numeric) AS number, CAST(:id AS uuid) AS id, CAST(:at AS timestamptz) AS at, 'a%b' AS percent,
           CAST(:names AS text[]) AS names, CAST(:doc AS jsonb) AS doc, '12:30'::time::text AS clock, CAST(:nothing AS int)
           AS nothing,
           'x\\:y' AS colon
    """
)
VALUES = {
    "number": Decimal("1.50"),
    "id": UUID(int=7),
    "at": datetime(2026, 6, 1, tzinfo=UTC),
    "names": ["a", "b"],
    "doc": '{"k": [1, null]}',
    "nothing": None,
}


@pytest.fixture
async def session(unit_of_work: UnitOfWorkFactory) -> AsyncIterator[DirectSession]:
    """The session of a unit of work."""
    async with unit_of_work() as uow:
        assert isinstance(uow.session, DirectSession)
        yield uow.session


def through_sqlalchemy(session: AsyncSession) -> AsyncSession:
    """The same session, its text statements no longer direct."""
    del session.info[DRIVER]
    return session


async def test_rows_are_those_of_sqlalchemy(session: DirectSession) -> None:
    direct = await session.execute(ODD, VALUES)
    assert isinstance(direct, DirectResult)
    ours = direct.one()
    theirs = (await through_sqlalchemy(session).execute(ODD, VALUES)).one()
    assert ours._asdict() == theirs._asdict()
    assert (ours.doc, ours.percent, ours.colon, ours._mapping["names"]) == (
        {"k": [1, None]}, "a%b", "x:y", ["a", "b"],
    )  # fmt: skip


@pytest.mark.parametrize("values", [None, {}])
async def test_a_percent_sign_is_one_without_values_too(
    session: DirectSession, values: dict[str, Any] | None
) -> None:
    statement = text("SELECT 7 % 4 AS rest, format('%s%%', 'a') AS words")
    ours = (await session.execute(statement, values)).one()
    assert (ours.rest, ours.words) == (3, "a%")
    assert ours == (await through_sqlalchemy(session).execute(statement, values)).one()


@pytest.mark.parametrize(
    "take",
    [
        lambda found: found.all(),
        lambda found: found.scalars().all(),
        lambda found: [dict(row) for row in found.mappings()],
        lambda found: found.first(),
        lambda found: [row.n for row in found],
        lambda found: found.partitions(2).__next__(),
        lambda found: list(found.keys()),
    ],
)
async def test_results_are_taken_alike(session: DirectSession, take: Any) -> None:
    statement = text("SELECT n, n * 2 AS twice FROM generate_series(1, :most) n")
    ours = take(await session.execute(statement, {"most": 3}))
    assert ours == take(await through_sqlalchemy(session).execute(statement, {"most": 3}))


async def test_one_of_several_or_of_none_is_an_error_of_sqlalchemy(session: DirectSession) -> None:
    several = text("SELECT generate_series(1, 2)")
    assert (await session.execute(text("SELECT 1 WHERE false"))).scalar_one_or_none() is None
    with pytest.raises(Exception, match="Multiple rows"):
        (await session.execute(several)).one_or_none()


async def test_changes_say_how_many_rows(session: DirectSession) -> None:
    made = await session.execute(text("INSERT INTO core.budget (scope, cap) VALUES ('a', 1), ('b', 1)"))
    changed = await session.execute(text("UPDATE core.budget SET cap = 2 WHERE scope = 'none'"))
    assert isinstance(made, DirectResult)
    assert isinstance(changed, DirectResult)
    assert (made.rowcount, made.returns_rows, changed.rowcount) == (2, False, 0)


@pytest.mark.parametrize(
    ("statement", "values", "kind"),
    [
        ("INSERT INTO core.budget (scope, cap) VALUES ('a', 1), ('a', 1)", {}, IntegrityError),
        ("SELECT nonsense", {}, ProgrammingError),
        ("SELECT CAST(:id AS uuid)", {"id": "no id"}, DBAPIError),
        ("SELECT pg_terminate_backend(pg_backend_pid())", {}, OperationalError),
    ],
)
async def test_errors_are_those_of_sqlalchemy(
    unit_of_work: UnitOfWorkFactory, statement: str, values: dict[str, Any], kind: type[DBAPIError]
) -> None:
    told = []
    for through in (lambda session: session, through_sqlalchemy):
        with pytest.raises(kind) as caught:
            async with unit_of_work() as uow:
                await through(uow.session).execute(text(statement), values)
        told.append(
            (
                type(caught.value),
                type(caught.value.orig),
                caught.value.connection_invalidated,
                str(caught.value),
            )
        )
    assert told[0] == told[1]
    async with unit_of_work() as uow:
        assert (await uow.session.execute(text("SELECT 1"))).scalar_one() == 1


async def test_what_is_not_plain_goes_through_sqlalchemy(session: DirectSession) -> None:
    typed = text("SELECT :n + 1").bindparams(bindparam("n", type_=Integer))
    assert not isinstance(found := await session.execute(typed, {"n": 1}), DirectResult)
    assert found.scalar_one() == 2
    assert not isinstance(await session.execute(select(FeatureFlag).limit(1)), DirectResult)
    many = text("INSERT INTO core.budget (scope, cap) VALUES (:scope, 1)")
    assert not isinstance(await session.execute(many, [{"scope": "a"}, {"scope": "b"}]), DirectResult)


async def test_a_savepoint_takes_back_what_was_done_in_it(session: DirectSession) -> None:
    add = text("INSERT INTO core.budget (scope, cap) VALUES (:scope, 1)")
    await session.execute(add, {"scope": "kept"})

    async def twice() -> None:
        async with session.begin_nested():
            await session.execute(add, {"scope": "lost"})
            await session.execute(add, {"scope": "kept"})

    with pytest.raises(IntegrityError):
        await twice()
    found = await session.execute(text("SELECT scope FROM core.budget WHERE scope IN ('kept', 'lost')"))
    assert found.scalars().all() == ["kept"]
