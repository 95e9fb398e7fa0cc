"""The audit log on the operators' desk, and whether the logs that only grow still hold."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.schemas.enums import UserRole
from tests.integration.marketplace.test_desk_work import Desk, desk

__all__ = ["desk"]


async def note(desk: Desk, action: str, actor: str = "service:relay", **columns: str) -> None:
    """A row of the log, in a transaction of its own."""
    values = {"service": "t", "actor": actor, "action": action, "object_type": "lead", **columns}
    names = ", ".join(values)
    async with desk.db.begin() as session:
        await session.execute(text(f"INSERT INTO audit_log ({names}) VALUES (:{', :'.join(values)})"), values)


async def test_the_log_is_read_newest_first_and_page_by_page(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    person = (await client.get("/api/auth/me")).json()
    lead = str(uuid4())
    await note(desk, "lead.reveal", object_id=lead)
    await note(desk, "lead.refund", f"user:{person['id']}", reason="asked twice")
    await note(desk, "promo.end")

    seen, cursor = [], None
    for _ in range(3):
        wanted = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/ops/audit", params=wanted)).json()
        seen += [line["action"] for line in page["items"]]
        cursor = page["next_cursor"]
    found = {
        name: [line["action"] for line in (await client.get("/api/ops/audit", params=wanted)).json()["items"]]
        for name, wanted in {
            "address": {"who": person["email"].upper()},
            "actor": {"who": "service:relay", "action": "lead."},
            "object": {"object_id": lead},
            "nobody": {"who": "x"},
        }.items()
    }
    page = await client.get("/ops/audit", params={"who": person["email"], "action": "", "object_id": ""})

    assert seen[:3] == ["promo.end", "lead.refund", "lead.reveal"]
    assert found == {
        "address": ["lead.refund"],
        "actor": ["lead.reveal"],
        "object": ["lead.reveal"],
        "nobody": [],
    }
    assert "asked twice" in page.text
    assert person["email"] in page.text


async def test_a_log_that_somebody_changed_is_told(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    await note(desk, "lead.reveal")
    await note(desk, "lead.refund")
    day = datetime.now(UTC).date().isoformat()
    before = (await client.get(f"/api/ops/audit/chains/{day}")).json()
    async with desk.db.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("UPDATE audit_log SET reason = 'none' WHERE action = 'lead.reveal'"))
    after = (await client.get(f"/api/ops/audit/chains/{day}")).json()
    page = await client.get("/ops/audit", params={"check": day})

    assert {line["log"]: line["broken"] for line in before} == {
        "public.audit_log": 0,
        "compliance.contact_decision": 0,
    }
    assert {line["log"]: line["broken"] > 0 for line in after} == {
        "public.audit_log": True,
        "compliance.contact_decision": False,
    }
    assert "rows are not as they were written" in page.text
    assert "every row is as it was written" in page.text


@pytest.mark.parametrize("wanted", [{"cursor": "x"}, {"days": "0"}, {"who": "x" * 1000}])
async def test_a_wish_that_is_none_is_refused(desk: Desk, wanted: dict[str, str]) -> None:
    client = await desk.enter(UserRole.OPS)
    assert (await client.get("/api/ops/audit", params=wanted)).status_code == 422
    assert (await client.get("/ops/audit", params=wanted)).status_code == 422


async def test_a_day_that_is_none_is_refused(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    assert (await client.get("/api/ops/audit/chains/2026-02-30")).status_code == 404
    assert (await client.get("/ops/audit", params={"check": "x"})).status_code == 422
