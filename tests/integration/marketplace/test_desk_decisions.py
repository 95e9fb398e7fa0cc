"""The log of decisions and the switches on the operators' desk."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from shared.schemas.enums import UserRole
from tests.integration.marketplace.conftest import rows
from tests.integration.marketplace.test_desk_work import PAGE, Desk, desk, send

__all__ = ["desk"]


async def decide(desk: Desk, *, count: int = 1, **columns: str) -> None:
    """So many decisions in the log, each a transaction of its own."""
    names, values = ", ".join(columns), ", ".join(columns.values())
    for _ in range(count):
        async with desk.db.begin() as session:
            await session.execute(
                text(
                    f"INSERT INTO compliance.contact_decision (allow, policy_version, input_hash, {names})"
                    f" VALUES (cardinality({columns.get('reasons', 'ARRAY[]::text[]')}) = 0, '2026-11-01', 'x', {values})"
                )
            )


async def test_the_log_is_read_newest_first_and_page_by_page(desk: Desk) -> None:
    await decide(desk, count=3, kind="'sell'")
    await decide(desk, kind="'sell'", reasons="ARRAY['SALE_OPT_OUT']")
    await decide(desk, kind="'fetch'", source_key="'spc'", reasons="ARRAY['ROBOTS_DISALLOW']")
    client = await desk.enter(UserRole.OPS)

    seen, cursor = [], None
    for _ in range(3):
        wanted = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/ops/decisions", params=wanted)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    denied = (await client.get("/api/ops/decisions", params={"kind": "sell", "allow": "false"})).json()[
        "items"
    ]
    by_reason = (await client.get("/api/ops/decisions", params={"reason": "ROBOTS_DISALLOW"})).json()["items"]
    shown = await client.get("/ops/decisions", params={"kind": "", "allow": "false", "reason": "", "days": 7})

    assert [each["kind"] for each in seen] == ["fetch", "sell", "sell", "sell", "sell"]
    assert cursor is None
    assert [each["allow"] for each in seen] == [False, False, True, True, True]
    assert [each["reasons"] for each in denied] == [["SALE_OPT_OUT"]]
    assert [each["source_key"] for each in by_reason] == ["spc"]
    assert "The owner asked not to be sold" in shown.text
    assert "robots.txt forbids it" in shown.text
    assert shown.text.count("Denied</span>") == 2


@pytest.mark.parametrize("wanted", [{"cursor": "x"}, {"days": "0"}, {"kind": "war"}, {"reason": "x"}])
async def test_a_wish_that_is_none_is_refused(desk: Desk, wanted: dict[str, str]) -> None:
    client = await desk.enter(UserRole.OPS)
    assert (await client.get("/api/ops/decisions", params=wanted)).status_code == 422
    assert (await client.get("/ops/decisions", params=wanted)).status_code == 422


async def test_switches_of_states_stand_apart_until_one_is_turned(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    before = (await client.get("/ops/switches")).text
    await send(client, "/ops/switches/kill.state.TX", on="true")
    after = (await client.get("/ops/switches")).text
    apart = '<details class="card">'
    assert before.index(apart) < before.index("kill.state.TX<")
    assert (
        after.index("kill.state.TX<")
        < after.index("kill.sale<")
        < after.index(apart)
        < after.index("kill.state.CA<")
    )


async def test_an_administrator_turns_a_switch_and_it_is_audited(desk: Desk) -> None:
    client = await desk.enter(UserRole.ADMIN)
    before = await client.get("/ops/switches")
    turned = await send(client, "/ops/switches/kill.sale", on="true")
    after = await client.get("/ops/switches")
    back = await send(client, "/ops/switches/kill.sale", on="false")
    unknown = await send(client, "/ops/switches/warp_drive", on="true")

    assert "Kill switch: while on, no lead is offered or sold" in before.text
    assert (turned.status_code, turned.headers["location"]) == (303, "/ops/switches")
    first = after.text.index("<tbody>")
    assert after.text.index("kill.sale", first) < after.text.index("allow_onsite_check", first)
    assert back.status_code == 303
    assert unknown.status_code == 422
    assert "warp_drive" in unknown.text
    trail = await rows(
        desk.db,
        "SELECT details -> 'after' AS after FROM audit_log WHERE action = 'features.change' ORDER BY chain_day, chain_seq",
    )
    assert [row.after for row in trail] == [{"kill.sale": True}, {"kill.sale": False}]


async def test_others_see_the_switches_and_turn_none(desk: Desk) -> None:
    client = await desk.enter(UserRole.OPS)
    page = await client.get("/ops/switches")
    refused = await send(client, "/ops/switches/kill.sale", on="true")

    assert page.status_code == 200
    assert "Turn on" not in page.text
    assert refused.status_code == 403
    assert await rows(desk.db, "SELECT 1 FROM audit_log WHERE action = 'features.change'") == []


async def test_the_switches_say_when_their_owner_is_away(desk: Desk) -> None:
    object.__setattr__(desk.door.resources.settings, "orchestrator_base_url", "http://127.0.0.1:9")
    client = await desk.enter(UserRole.ADMIN)
    page = await client.get("/ops/switches", headers=PAGE)
    assert page.status_code == 503
    assert "cannot be reached" in page.text
