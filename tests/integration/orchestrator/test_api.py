"""The orchestrator's endpoints do real work."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.orchestrator import jobs
from services.orchestrator.app import service
from services.orchestrator.repository import CityRepository
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from shared.workflow import start
from shared.workflow.runner import StepRunner
from tests.factories.leads import make_lead
from tests.factories.services import RunningService, call, scalar

EXPIRED_AND_FRESH = """
    WITH keys AS (
        INSERT INTO core.request_key (scope, key, request_hash, state, created_at, finished_at)
        SELECT 's', 'old ' || n, 'h', 'done', now() - interval '25 hours', now() - interval '25 hours'
          FROM generate_series(1, 7) AS n
        UNION ALL SELECT 's', 'fresh', 'h', 'done', now() - interval '25 hours', now() - interval '23 hours'
        UNION ALL SELECT 's', 'unfinished', 'h', 'running', now() - interval '25 hours', NULL
    ), account AS (
        INSERT INTO users (email, password_hash, role) VALUES ('ops@b.example', 'x', 'ops') RETURNING id
    ), tokens AS (
        INSERT INTO refresh_tokens (family_id, user_id, token_hash, revoked_at, expires_at)
        SELECT gen_random_uuid(), account.id, 'old ' || n, CASE WHEN n < 3 THEN now() END, now() - interval '25 hours'
          FROM account, generate_series(1, 7) AS n
        UNION ALL SELECT gen_random_uuid(), account.id, 'fresh', NULL, now() + interval '1 hour' FROM account
    )
    INSERT INTO core.schedule_run (job, slot, due_at, created_at)
    SELECT 'housekeeping', 'old ' || n, now() - interval '91 days', now() - interval '91 days'
      FROM generate_series(1, 7) AS n
    UNION ALL SELECT 'housekeeping', 'fresh', now() - interval '89 days', now() - interval '89 days'
"""


async def test_activating_a_city_starts_one_workflow_and_announces_it(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    first = await call(orchestrator, "POST", "/cities/Harrow/TX/activate")
    again = await call(orchestrator, "POST", "/cities/harrow/tx/activate")

    assert first.status_code == 202, first.text
    assert first.json()["new"] is True
    assert again.json() == {"workflow_id": first.json()["workflow_id"], "new": False}
    assert await scalar(committed_db, "SELECT count(*) FROM core.outbox WHERE type = 'city.activated'") == 1
    assert (
        await scalar(committed_db, "SELECT status FROM target_cities WHERE city = 'Harrow'") == "activating"
    )
    progress = (await call(orchestrator, "GET", "/cities/Harrow/TX/progress")).json()
    assert progress["status"] == "running"
    assert progress["words"] == ["checking the sources about to start"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/cities/Atlantis/TX/activate", 404, "city-unknown"),
        ("/cities/Fargo/ND/activate", 409, "city-without-source"),
        ("/cities/Harrow/Texas/activate", 422, "invalid-input"),
    ],
)
async def test_a_city_that_cannot_be_activated_says_why(
    orchestrator: RunningService, path: str, status: int, code: str
) -> None:
    answer = await call(orchestrator, "POST", path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "sources",
    [
        {"permit_sources": 5},
        {"permit_sources": [5]},
        {"permit_sources": [{"kind": "socrata"}]},
        {"permit_sources": [{"key": "k", "kind": "carrier pigeon"}]},
        {"permit_sources": [{"key": "k", "kind": "arcgis", "field_map": {"address": 5}}]},
        {"imagery": "none"},
        {"parcels": []},
    ],
)
async def test_sources_of_another_shape_are_refused_before_anything_starts(
    orchestrator: RunningService, committed_db: SessionMaker, sources: dict[str, Any]
) -> None:
    answer = await call(orchestrator, "POST", "/cities/Harrow/TX/activate", json={"sources": sources})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert await scalar(committed_db, "SELECT count(*) FROM core.workflow") == 0


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("Oklahoma%20City/OK", "blocked", "not asked, blocked: anti-bot wall"),
        (
            "Dallas/TX",
            "portal",
            "dallas_tx_permits_archive: not asked, blocked: stale (newest row 2019-12-31)",
        ),
        ("Fargo/ND", "unknown", "fargo_nd_portal: not asked, unknown: platform and address"),
    ],
)
async def test_a_city_whose_sources_may_not_be_asked_is_not_activated_and_says_why(
    orchestrator: RunningService, committed_db: SessionMaker, place: str, status: str, words: str
) -> None:
    answer = await call(orchestrator, "POST", f"/cities/{place}/activate")

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["source_status"]) == (
        409,
        "city-without-source",
        status,
    )
    assert words in problem["detail"]
    assert await scalar(committed_db, "SELECT count(*) FROM core.workflow") == 0


async def test_the_list_of_cities_tells_where_each_stands(orchestrator: RunningService) -> None:
    listed = (await call(orchestrator, "GET", "/cities")).json()
    real = {f"{city['city']}, {city['state']}": city for city in listed if not city["sandbox"]}

    assert Counter(city["source_status"] for city in real.values()) == {
        "usable": 40,
        "watch": 4,
        "portal": 23,
        "blocked": 1,
        "unknown": 7,
    }
    assert not any(city["active"] for city in real.values())
    assert (real["Denver, CO"]["source"], real["Denver, CO"]["source_reason"]) == (
        "denver_co_residential",
        None,
    )
    assert real["Fargo, ND"]["source"] is None
    assert real["Fargo, ND"]["source_reason"].startswith("fargo_nd_portal: not asked, unknown")
    assert {city["source_status"] for city in listed if city["sandbox"]} == {"usable"}


@pytest.mark.parametrize("place", ["Wichita/KS", "Greenville/SC", "Phoenix/AZ"])
async def test_a_city_of_a_strict_state_is_activated_and_its_law_is_told(
    orchestrator: RunningService, place: str
) -> None:
    answer = await call(orchestrator, "POST", f"/cities/{place}/activate")
    assert answer.status_code == 202, answer.text
    progress = (await call(orchestrator, "GET", f"/cities/{place}/progress")).json()
    described = (await call(orchestrator, "GET", f"/cities/{place}")).json()
    assert progress["restriction"] == described["restriction"] is not None
    assert described["state_rules"]["recommended_attempts_per_day"] == 3


async def test_sources_of_a_replay_reach_the_workflow_as_they_were_sent(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    feed = {
        "key": "k",
        "kind": "arcgis",
        "layer_path": "rest/0",
        "field_map": {"zip": None, "city": ["A", "B"]},
    }
    sources = {
        "permit_sources": [feed],
        "recorded": True,
        "storms": "imported",
        "imagery": {"skip": "replayed"},
    }

    answer = await call(orchestrator, "POST", "/cities/Harrow/TX/activate", json={"sources": sources})

    assert answer.status_code == 202, answer.text
    assert (
        await scalar(committed_db, "SELECT input->'sources' FROM core.workflow WHERE kind = 'city'")
        == sources
    )


async def test_a_lead_whose_workflow_was_cancelled_is_taken_up_again(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, orchestrator.resources.keys, status="processing")
        done = await make_lead(session, orchestrator.resources.keys, status="processing")
        await start(session, "property", subject_id=done)
        first = await start(session, "property", subject_id=lead_id)
        await session.execute(
            text("INSERT INTO validation_tasks (base_lead_id, workflow_id) VALUES (:lead, :workflow)"),
            {"lead": lead_id, "workflow": first.workflow_id},
        )
        city = (
            await session.execute(text("SELECT id FROM target_cities WHERE city = 'Harrow'"))
        ).scalar_one()
    await call(orchestrator, "POST", f"/workflows/{first.workflow_id}/cancel")

    async with committed_db() as session:
        prospects = await CityRepository(session).prospects_without_workflow(city)

    assert prospects == [lead_id]
    assert await scalar(committed_db, "SELECT state FROM validation_tasks") == "cancelled"


async def test_deactivating_cancels_the_activation_and_keeps_the_data(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    await call(orchestrator, "POST", "/cities/Harrow/TX/activate")
    async with committed_db.begin() as session:
        await make_lead(session, orchestrator.resources.keys)

    answer = await call(orchestrator, "POST", "/cities/Harrow/TX/deactivate")

    assert answer.json()["active"] is False
    assert await scalar(committed_db, "SELECT status FROM core.workflow WHERE kind = 'city'") == "cancelled"
    assert await scalar(committed_db, "SELECT count(*) FROM base_leads") == 1


async def test_a_property_workflow_is_started_looked_at_paused_resumed_and_cancelled(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, orchestrator.resources.keys, status="processing")
    started = (
        await call(orchestrator, "POST", "/workflows/property", json={"base_lead_id": str(lead_id)})
    ).json()
    path = f"/workflows/{started['workflow_id']}"

    shown = (await call(orchestrator, "GET", path)).json()
    verbs = [
        (await call(orchestrator, "POST", f"{path}/{verb}")).status_code
        for verb in ("pause", "resume", "cancel")
    ]
    twice = await call(orchestrator, "POST", f"{path}/cancel")
    retried = await call(orchestrator, "POST", f"{path}/retry")

    assert [step["name"] for step in shown["steps"]][:3] == ["scrape_property", "imagery", "enrich_contact"]
    assert [step["status"] for step in shown["steps"]][:4] == ["ready", "ready", "ready", "pending"]
    assert verbs == [202, 202, 202]
    assert twice.status_code == 409
    assert retried.status_code == 202
    assert (await call(orchestrator, "GET", "/workflows", params={"kind": "property"})).json()[0][
        "status"
    ] == "running"
    assert await scalar(committed_db, "SELECT count(*) FROM audit_log WHERE action LIKE 'workflow.%'") == 4


@pytest.mark.parametrize("path", ["/workflows/not-a-uuid", "/workflows/not-a-uuid/cancel"])
async def test_an_id_that_is_no_uuid_is_refused(orchestrator: RunningService, path: str) -> None:
    answer = await call(orchestrator, "GET" if path.endswith("uuid") else "POST", path)

    assert answer.status_code == 422


async def test_a_body_over_the_cap_is_refused(orchestrator: RunningService) -> None:
    answer = await call(orchestrator, "PATCH", "/config", content=b"x" * 1_100_000)

    assert answer.status_code == 413


async def test_configuration_is_validated_audited_and_read_without_restart(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    bad = await call(orchestrator, "PATCH", "/config", json={"expansion.leads_per_month": -1, "nonsense": 1})
    good = await call(orchestrator, "PATCH", "/config", json={"expansion.leads_per_month": 300})

    assert bad.status_code == 422
    assert len(bad.json()["errors"]) == 2
    assert good.json()["expansion.leads_per_month"]["value"] == 300
    assert await orchestrator.resources.flags.value("expansion.leads_per_month", 0) == 300
    assert await scalar(committed_db, "SELECT count(*) FROM audit_log WHERE action = 'config.change'") == 1


async def test_a_feature_flag_is_thrown_and_an_unknown_one_refused(orchestrator: RunningService) -> None:
    thrown = await call(orchestrator, "PATCH", "/config/features", json={"city_expansion": True})
    unknown = await call(orchestrator, "PATCH", "/config/features", json={"warp_drive": True})

    assert thrown.json()["city_expansion"]["enabled"] is True
    assert unknown.status_code == 422
    found = (await call(orchestrator, "GET", "/config/features")).json()
    assert found["city_expansion"]["enabled"] is True
    assert found["city_expansion"]["turned_at"] is not None
    assert found["kill.sale"]["turned_at"] is None


async def test_only_an_administrator_changes_configuration(orchestrator: RunningService) -> None:
    answer = await call(orchestrator, "PATCH", "/config", json={"lead.budget_usd": 1}, role=Role.OPS)

    assert answer.status_code == 403


async def test_a_dead_letter_of_a_step_is_driven_again(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, orchestrator.resources.keys, status="processing")
    started = (
        await call(orchestrator, "POST", "/workflows/property", json={"base_lead_id": str(lead_id)})
    ).json()
    workflow_id = started["workflow_id"]
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE core.workflow SET status = 'failed' WHERE id = :id"), {"id": workflow_id}
        )
        await session.execute(
            text("UPDATE core.step SET status = 'dead' WHERE workflow_id = :id AND name = 'imagery'"),
            {"id": workflow_id},
        )
        await session.execute(
            text(
                "INSERT INTO core.dead_letter (source, workflow_id, step_name, reason, attempts)"
                " VALUES ('step', :id, 'imagery', 'vendor refused', 5)"
            ),
            {"id": workflow_id},
        )
    letter = (await call(orchestrator, "GET", "/dead-letters")).json()[0]

    driven = await call(orchestrator, "POST", f"/dead-letters/{letter['id']}/redrive")
    again = await call(orchestrator, "POST", f"/dead-letters/{letter['id']}/redrive")

    assert (driven.status_code, again.status_code) == (202, 404)
    assert await scalar(committed_db, "SELECT status FROM core.step WHERE name = 'imagery'") == "ready"
    assert (await call(orchestrator, "POST", f"/dead-letters/{uuid4()}/redrive")).status_code == 404


async def test_a_dead_letter_that_cannot_run_again_is_dismissed_with_a_reason(
    orchestrator: RunningService, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, orchestrator.resources.keys, status="processing")
    started = await call(orchestrator, "POST", "/workflows/property", json={"base_lead_id": str(lead_id)})
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE core.step SET status = 'skipped' WHERE name = 'imagery'"),
        )
        await session.execute(text("UPDATE core.step SET status = 'done' WHERE name = 'preprocess'"))
        await session.execute(
            text(
                "INSERT INTO core.dead_letter (source, workflow_id, step_name, consumer, event_id, reason, attempts)"
                " VALUES ('step', :id, 'imagery', NULL, NULL, 'vendor refused', 5),"
                "        ('stream', NULL, NULL, 'lead_generator', gen_random_uuid(), 'no such city', 5)"
            ),
            {"id": started.json()["workflow_id"]},
        )
    letters = [letter["id"] for letter in (await call(orchestrator, "GET", "/dead-letters")).json()]

    refused = [await call(orchestrator, "POST", f"/dead-letters/{letter}/redrive") for letter in letters]
    unnamed = await call(orchestrator, "POST", f"/dead-letters/{letters[0]}/dismiss", json={"reason": ""})
    dismissed = [
        await call(orchestrator, "POST", f"/dead-letters/{letter}/dismiss", json={"reason": "sold meanwhile"})
        for letter in (*letters, letters[0])
    ]

    assert [answer.status_code for answer in refused] == [409, 409]
    for letter, answer in zip(letters, refused, strict=True):
        assert answer.json()["code"] == "nothing-to-drive-again"
        assert f"POST /dead-letters/{letter}/dismiss" in answer.json()["detail"]
    assert unnamed.status_code == 422
    assert [answer.status_code for answer in dismissed] == [204, 204, 404]
    assert (await call(orchestrator, "GET", "/dead-letters")).json() == []
    audited = (
        "SELECT count(*) FROM audit_log WHERE action = 'dead_letter.dismiss' AND reason = 'sold meanwhile'"
    )
    assert await scalar(committed_db, audited) == 2


@pytest.mark.parametrize(
    ("age", "paused", "status"),
    [("11 minutes", False, 503), ("9 minutes", False, 202), ("11 minutes", True, 202)],
)
async def test_new_work_is_refused_while_a_step_waits_too_long(
    orchestrator: RunningService, committed_db: SessionMaker, *, age: str, paused: bool, status: int
) -> None:
    async with committed_db.begin() as session:
        lead_id = await make_lead(session, orchestrator.resources.keys, status="processing")
        waiting = await start(session, "housekeeping")
        await session.execute(
            text("UPDATE core.step SET run_after = now() - CAST(:age AS interval) WHERE status = 'ready'"),
            {"age": age},
        )
        await session.execute(
            text("UPDATE core.workflow SET paused = :paused WHERE id = :id"),
            {"paused": paused, "id": waiting.workflow_id},
        )

    answers = [
        await call(orchestrator, "POST", "/workflows/property", json={"base_lead_id": str(lead_id)}),
        await call(orchestrator, "POST", "/workflows/city", json={"city": "Harrow", "state": "TX"}),
        await call(orchestrator, "POST", "/cities/Harrow/TX/activate"),
    ]

    assert [answer.status_code for answer in answers] == [status] * 3
    if status == 503:
        assert {answer.json()["code"] for answer in answers} == {"behind-with-work"}
        assert {answer.headers["Retry-After"] for answer in answers} == {"60"}
        assert (await call(orchestrator, "GET", "/cities/Harrow/TX/progress")).status_code == 200


async def test_housekeeping_forgets_what_expired_batch_by_batch(
    orchestrator: RunningService, committed_db: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FORGET_BATCH", 3)
    async with committed_db.begin() as session:
        await session.execute(text(EXPIRED_AND_FRESH))
        run = await start(session, "housekeeping")
    runner = StepRunner(orchestrator.resources, service.steps, worker="w", lease_seconds=30)

    await runner.run(run.workflow_id, "housekeeping")

    forgotten = "SELECT output ->> 'forgotten' FROM core.step WHERE name = 'housekeeping'"
    assert await scalar(committed_db, forgotten) == "21"
    kept = "SELECT string_agg(key, ',' ORDER BY key) FROM core.request_key"
    assert await scalar(committed_db, kept) == "fresh,unfinished"
    tokens = "SELECT string_agg(token_hash, ',' ORDER BY token_hash) FROM refresh_tokens"
    assert await scalar(committed_db, tokens) == "fresh"
    slots = "SELECT string_agg(slot, ',' ORDER BY slot) FROM core.schedule_run"
    assert await scalar(committed_db, slots) == "fresh"


async def test_health_is_public_and_says_what_is_away(orchestrator: RunningService) -> None:
    async with orchestrator.client() as client:
        answer = await client.get("/health")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"]["database"] == "ok"
    assert answer.json()["parts"]["scraper"] == "down"


async def test_the_system_page_counts(orchestrator: RunningService) -> None:
    report = (await call(orchestrator, "GET", "/")).json()

    assert report["invariant_violations"] == 0
    assert report["outbox_unpublished"] == 0
