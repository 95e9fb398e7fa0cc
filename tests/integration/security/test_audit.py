"""The audit trail: who did what, chained, and closed to change."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.security import audit
from shared.security.policy import Actor, Role
from shared.telemetry.context import new_trace, use_trace

ACTOR = Actor(role=Role.SERVICE, subject="service:marketplace", service="marketplace", on_behalf_of="user:1")


async def write(unit_of_work: UnitOfWorkFactory, reason: str = "asked for") -> str:
    object_id = str(uuid4())
    async with unit_of_work() as uow:
        await audit.record(
            uow.session,
            ACTOR,
            "lead.reveal",
            service="marketplace",
            object_type="lead",
            object_id=object_id,
            fields=["owner_phone", "owner_email"],
            reason=reason,
        )
    return object_id


async def test_a_row_says_who_what_why_and_in_which_request(unit_of_work: UnitOfWorkFactory) -> None:
    with use_trace(new_trace()) as trace:
        object_id = await write(unit_of_work)

    async with unit_of_work() as uow:
        row = (await uow.session.execute(text("SELECT * FROM audit_log"))).one()
    assert (row.actor, row.action, row.object_id) == (
        "service:marketplace for user:1", "lead.reveal", object_id,
    )  # fmt: skip
    assert row.fields == ["owner_email", "owner_phone"]
    assert (row.reason, row.correlation_id) == ("asked for", trace.correlation_id)


async def test_a_deed_that_is_rolled_back_leaves_no_row(unit_of_work: UnitOfWorkFactory) -> None:
    async def break_off() -> None:
        async with unit_of_work() as uow:
            await audit.record(
                uow.session, ACTOR, "lead.reveal", service="marketplace", object_type="lead", object_id=None
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    async with unit_of_work() as uow:
        assert (await uow.session.execute(text("SELECT count(*) FROM audit_log"))).scalar_one() == 0


async def test_rows_are_chained(unit_of_work: UnitOfWorkFactory) -> None:
    for _ in range(3):
        await write(unit_of_work)

    async with unit_of_work() as uow:
        rows = (
            await uow.session.execute(text("SELECT prev_hash, row_hash FROM audit_log ORDER BY chain_seq"))
        ).all()
    assert all(row.row_hash for row in rows)
    assert [row.prev_hash for row in rows[1:]] == [row.row_hash for row in rows[:-1]]


@pytest.mark.parametrize("change", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"])
async def test_nobody_changes_the_past(unit_of_work: UnitOfWorkFactory, change: str) -> None:
    await write(unit_of_work)

    with pytest.raises(DBAPIError):
        async with unit_of_work() as uow:
            await uow.session.execute(text(change))
