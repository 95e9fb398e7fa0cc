"""How a domain of pictures becomes validated: by the sandbox's truth for rendered ones, by reviews alone for real ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from shared.cli.truth import truth
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from shared.settings import SERVICE_PORTS
from tests.factories.leads import make_lead
from tests.factories.pages import serving
from tests.factories.reviews import Desk, make_analysis, open_desk
from tests.factories.services import FRESH_KEYS
from tests.factories.town import serving_town


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    """The service without any analysis."""
    async with open_desk(database_url, redis_url, committed_db) as opened:
        yield opened


async def judged(desk: Desk, n: int, *, domain: str = "rendered", **lead: Any) -> list[UUID]:
    """Leads whose roofs were found poor with 0.97."""
    async with desk.db.begin() as session:
        leads = [await make_lead(session, desk.door.resources.keys, **lead) for _ in range(n)]
        for lead_id in leads:
            await make_analysis(session, lead_id, condition="poor", confidence=0.97, domain=domain)
    return leads


async def tell(desk: Desk, truths: dict[UUID, str]) -> dict[str, Any]:
    """What the service knows after it was told the truth about leads."""
    body = {"conditions": {str(lead): condition for lead, condition in truths.items()}}
    answer = await desk.ask("POST", "/comparisons", role=Role.OPS, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_rendered_pictures_are_validated_by_the_truth_of_two_hundred_roofs(desk: Desk) -> None:
    leads = await judged(desk, 201)
    truths = {lead: "poor" if number > 5 else "fair" for number, lead in enumerate(leads)}

    most = await tell(desk, dict(list(truths.items())[:199]))
    again = await tell(desk, dict(list(truths.items())[:199]))
    whole = await tell(desk, truths)

    assert (most["compared"], most["right"], most["maturity"]) == (199, 193, "unvalidated")
    assert again == most
    assert (whole["compared"], whole["right"], whole["maturity"]) == (201, 195, "validated")
    assert whole["weights"] == "w1"
    listed = (await desk.ask("GET", "/maturity")).json()
    assert {row["domain"]: row["maturity"] for row in listed} == {
        "rendered": "validated",
        "real": "unvalidated",
    }


async def test_a_house_counts_once_however_often_it_was_looked_at(desk: Desk) -> None:
    leads = await judged(desk, 2)
    await tell(desk, dict.fromkeys(leads, "poor"))
    async with desk.db.begin() as session:
        await session.execute(text("UPDATE roof_analysis SET is_current = false"))
        for lead in leads:
            await make_analysis(session, lead, condition="poor", confidence=0.97)
    told = await tell(desk, {leads[0]: "poor", leads[1]: "fair"})

    assert await desk.row("SELECT count(*) FROM condition_comparisons") == (4,)
    assert (told["compared"], told["right"]) == (2, 1)


async def test_new_weights_begin_anew_and_real_roofs_are_not_told_by_a_sandbox(desk: Desk) -> None:
    leads = await judged(desk, 3)
    (real,) = await judged(desk, 1, domain="real")
    assert (await tell(desk, dict.fromkeys([*leads, real], "poor")))["compared"] == 3
    assert await desk.row("SELECT count(*) FROM condition_comparisons") == (3,)
    async with desk.db.begin() as session:
        await session.execute(
            text(
                "UPDATE roof_analysis SET classifier_sha256 = 'w2', analyzed_at = now() WHERE base_lead_id = :id"
            ),
            {"id": leads[0]},
        )

    assert (await tell(desk, {real: "poor"}))["compared"] == 0


async def test_reviewers_tell_no_truth_of_their_own(desk: Desk) -> None:
    (lead,) = await judged(desk, 1)
    answer = await desk.ask("POST", "/comparisons", json={"conditions": {str(lead): "poor"}})
    assert answer.status_code == 403


async def test_the_command_brings_the_towns_truth(
    desk: Desk,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving_town() as sandbox, serving(desk.door.app) as url:
        town = sandbox.town()
        await judged(desk, 1, apn=town.apn(7))
        port = int(url.rpartition(":")[2]) - SERVICE_PORTS["ml_inference"]
        settings = {
            "DATABASE_URL": database_url,
            "SANDBOX_URL": sandbox.url,
            "RIDGELINE_PORT_BASE": str(port),
        }
        for name, value in {**FRESH_KEYS, **settings}.items():
            monkeypatch.setenv(name, value)
        await asyncio.to_thread(truth, "Harrow, TX", keep=True)

    said = json.loads(capsys.readouterr().out)
    right = int(town.house(7).roof.condition.value == "poor")
    assert (said["domain"], said["compared"], said["right"]) == ("rendered", 1, right)
