"""People of ours come and go by the command; buyers are not touched."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from services.marketplace.app import service
from services.marketplace.settings import MarketplaceSettings
from shared.cli.staff import StaffRole, _change, add_staff
from shared.db.engine import SessionMaker
from shared.errors import Conflict
from tests.factories.accounts import log_in, make_account
from tests.factories.services import running, settings_with_keys
from tests.integration.marketplace.conftest import rows


@pytest.fixture(autouse=True)
def _this_database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


async def test_a_person_of_ours_logs_in_until_removed_or_given_another_password(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> None:
    email = "Ann@Ridgeline.example"
    settings = settings_with_keys(MarketplaceSettings, database_url=database_url, redis_url=redis_url)
    async with running(service, settings) as door, door.client() as client:
        first = await add_staff(email, StaffRole.REVIEWER)
        session = (await log_in(client, email, first)).json()
        second = await add_staff(email, StaffRole.OPS)
        ended = await client.get(
            "/api/auth/me", headers={"Authorization": f"Bearer {session['access_token']}"}
        )
        again = await log_in(client, email, second)
        await _change(email, "staff.remove")
        gone = await log_in(client, email, second)

    assert session["user"]["role"] == "reviewer"
    assert (ended.status_code, again.json()["user"]["role"], gone.status_code) == (401, "ops", 401)
    audited = await rows(committed_db, "SELECT actor, action FROM audit_log ORDER BY id")
    assert [tuple(line) for line in audited if line.action.startswith("staff")] == [
        ("command", "staff.add"),
        ("command", "staff.add"),
        ("command", "staff.remove"),
    ]


async def test_a_buyers_address_is_nobody_of_ours(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> None:
    settings = settings_with_keys(MarketplaceSettings, database_url=database_url, redis_url=redis_url)
    async with running(service, settings) as door:
        buyer = await make_account(door)
    with pytest.raises(Conflict):
        await add_staff(buyer.email, StaffRole.ADMIN)
    with pytest.raises(Conflict):
        await _change(buyer.email, "staff.remove")
