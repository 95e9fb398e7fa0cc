"""A doubtful analysis waits for a person, whose word moves the workflow on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference.domain.costs import replacement_cost
from services.ml_inference.service import reviews
from shared.db.engine import SessionMaker
from shared.security.policy import Role
from tests.factories.reviews import DOUBTFUL, Desk, open_desk
from tests.factories.roof_evidence import evidence_of, make_pictures

ENDED = "SELECT status, output ->> 'review' FROM core.step WHERE workflow_id = :id AND name = 'validate'"


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    """The service without anything that waits."""
    async with open_desk(database_url, redis_url, committed_db) as opened:
        yield opened


def impatient(desk: Desk, **changes: Any) -> None:
    """Change settings of the running service."""
    for name, value in changes.items():
        object.__setattr__(desk.door.resources.settings, name, value)


async def test_a_doubtful_analysis_is_listed_with_its_reasons(desk: Desk) -> None:
    _, step = await desk.wait()

    (task,) = await desk.queue()

    assert step.status == "waiting"
    assert (task["overall_condition"], task["wanted_reviews"], task["overdue"]) == ("fair", 1, False)
    assert task["reasons"] == [
        "calibrated confidence 0.55",
        "the models are not yet validated on such pictures",
    ]


@pytest.mark.parametrize(
    ("verb", "body", "word", "condition"),
    [
        ("approve", {}, "approved", "fair"),
        ("approve", {"condition": "critical", "notes": "holes"}, "approved", "critical"),
        ("reject", {"notes": "another house"}, "rejected", "fair"),
    ],
)
async def test_a_decision_closes_the_task_and_ends_the_step(
    desk: Desk, verb: str, body: dict[str, str], word: str, condition: str
) -> None:
    workflow, _ = await desk.wait()
    task = (await desk.queue())[0]["id"]

    answer = await desk.say(task, verb, **body)
    await desk.settle(task)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["decided"], answer.json()["next_id"]) == (True, None)
    assert await desk.row(
        "SELECT overall_condition, validation_status, human_validated, human_validator_id FROM roof_analysis"
    ) == (condition, word, True, desk.people["ann"])
    assert await desk.row(ENDED, id=workflow) == ("done", word)
    assert await desk.row("SELECT action, object_id FROM audit_log") == (f"review.{word}", task)
    assert await desk.queue() == []
    assert (await desk.say(task, verb, who="bob", **body)).status_code == 409


@pytest.mark.parametrize(
    ("truth", "body"),
    [("critical", {"condition": "critical"}), ("fair", {})],
)
async def test_a_word_is_kept_beside_what_the_models_said(
    desk: Desk, truth: str, body: dict[str, str]
) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve", **body)
    await desk.settle(task)

    kept = "SELECT said, truth, origin, weights, image_domain, confidence::float FROM condition_comparisons"
    assert await desk.row(kept) == ("fair", truth, "review", "w1", "rendered", 0.55)


async def test_a_word_can_be_taken_back_before_the_lead_goes_on(desk: Desk) -> None:
    impatient(desk, undo_seconds=600.0)
    workflow, _ = await desk.wait()
    task = (await desk.queue())[0]["id"]

    await desk.say(task, "reject", notes="the wrong house")
    gone = await desk.queue()
    await desk.settle(task)
    back = await desk.ask("POST", f"/{task}/undo")
    again = await desk.say(task, "approve")
    impatient(desk, undo_seconds=0.0)
    async with desk.db.begin() as session:
        await session.execute(text("UPDATE core.step SET run_after = now() WHERE name = 'settle_review'"))
    await desk.settle(task)

    assert gone == []
    assert (back.status_code, back.json()["decided"]) == (200, False)
    assert again.json()["decided"] is True
    assert await desk.row(ENDED, id=workflow) == ("done", "approved")
    assert (await desk.ask("POST", f"/{task}/undo")).json()["code"] == "review-not-undoable"


async def test_a_word_sent_twice_under_one_key_counts_once(desk: Desk) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    path, key = f"/{task}/approve", {"Idempotency-Key": "review-0001"}

    answers = [await desk.ask("POST", path, json={"condition": "poor"}, headers=key) for _ in range(2)]
    other = await desk.ask("POST", path, json={"condition": "fair"}, headers=key)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert other.json()["code"] == "idempotency-key-reused"
    assert await desk.row("SELECT count(*) FROM reviews") == (1,)


async def test_a_word_whose_time_is_over_stands_though_its_lead_has_not_gone_on(desk: Desk) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve")

    assert (await desk.ask("POST", f"/{task}/undo")).json()["code"] == "review-not-undoable"


async def test_nobody_takes_back_what_is_not_his(desk: Desk) -> None:
    impatient(desk, undo_seconds=600.0)
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve")

    assert (await desk.ask("POST", f"/{task}/undo", "bob")).status_code == 409
    assert (await desk.ask("POST", f"/{uuid4()}/undo")).status_code == 404


async def test_a_task_of_the_sample_wants_two_and_a_third_where_they_differ(desk: Desk) -> None:
    impatient(desk, double_review_share=1.0)
    workflow, _ = await desk.wait()
    task = (await desk.queue())[0]["id"]

    first = (await desk.say(task, "approve", condition="poor")).json()
    seen_by_ann, seen_by_bob = await desk.queue("ann"), await desk.queue("bob")
    twice = await desk.say(task, "approve")
    hidden = (await desk.ask("GET", f"/{task}", "bob")).json()
    second = (await desk.say(task, "approve", "bob", condition="fair")).json()
    third = (await desk.say(task, "approve", "cem", condition="poor", notes="curled")).json()
    await desk.settle(task)

    assert (first["decided"], first["wanted_reviews"]) == (False, 2)
    assert (seen_by_ann, [row["reviews"] for row in seen_by_bob]) == ([], [1])
    assert twice.json()["code"] == "review-given-before"
    assert hidden["opinions"] == []
    assert (second["decided"], second["wanted_reviews"]) == (False, 3)
    assert third["decided"] is True
    assert await desk.row(ENDED, id=workflow) == ("done", "approved")
    assert await desk.row("SELECT overall_condition, validation_notes FROM roof_analysis") == (
        "poor",
        "curled",
    )
    opinions = (await desk.ask("GET", f"/{task}")).json()["opinions"]
    assert [opinion["condition"] for opinion in opinions] == ["poor", "fair", "poor"]


async def test_a_held_task_is_left_to_its_holder(desk: Desk) -> None:
    await desk.wait()
    await desk.wait()
    first, second = (task["id"] for task in await desk.queue())

    held = await desk.ask("POST", f"/{first}/claim")
    again = await desk.ask("POST", f"/{first}/claim")
    taken = await desk.ask("POST", f"/{first}/claim", "bob")
    said = await desk.say(first, "approve", "bob")

    assert (held.status_code, again.status_code) == (200, 200)
    assert (taken.json()["code"], said.json()["code"]) == ("review-task-held", "review-task-held")
    assert [task["id"] for task in await desk.queue("bob", holder="free")] == [second]
    assert [task["id"] for task in await desk.queue("ann", holder="mine")] == [first]
    await desk.ask("POST", f"/{first}/release")
    assert (await desk.ask("POST", f"/{first}/claim", "bob")).status_code == 200


async def test_a_hold_ends_by_itself_and_its_time_is_kept(desk: Desk) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.ask("POST", f"/{task}/claim")
    async with desk.db.begin() as session:
        await session.execute(
            text("UPDATE validation_tasks SET claimed_until = now(), claimed_at = now() - interval '90 s'")
        )

    assert (await desk.queue("bob", holder="free"))[0]["assignee_id"] is None
    await desk.say(task, "approve")
    assert await desk.row("SELECT seconds_spent FROM reviews") == (90,)


async def test_the_queue_is_paged_filtered_and_says_what_comes_next(desk: Desk) -> None:
    for _ in range(3):
        await desk.wait()
    await desk.wait({**DOUBTFUL, "familiar": False})
    tasks = [task["id"] for task in await desk.queue()]

    page = (await desk.ask("GET", "/pending", params={"limit": 3})).json()
    rest = (await desk.ask("GET", "/pending", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    following = [(await desk.ask("GET", f"/{task}")).json()["next_id"] for task in tasks]

    assert [row["id"] for row in page["items"] + rest["items"]] == tasks
    assert rest["next_cursor"] is None
    assert following == [*tasks[1:], tasks[0]]
    assert [task["id"] for task in await desk.queue(reason="Unlike")] == [tasks[3]]
    assert await desk.queue(domain="real") == []
    assert (await desk.ask("GET", "/pending", params={"cursor": "x"})).status_code == 422


async def test_drawn_corrections_are_kept_with_the_decision(desk: Desk) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    image = str(uuid4())
    box = {"left": 0.1, "top": 0.1, "right": 0.4, "bottom": 0.3}
    corrections = {
        "damages": [{"image_id": image, "damage": "missing_shingles", "box": box}],
        "roofs": [{"image_id": image, "roof": [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]]}],
    }
    no_box = {"damages": [{"image_id": image, "damage": "hole", "box": {**box, "right": 0.05}}]}

    assert (await desk.say(task, "approve", corrections=no_box)).status_code == 422
    assert (await desk.say(task, "approve", corrections=corrections)).status_code == 200
    (kept,) = await desk.row("SELECT decision -> 'corrections' FROM validation_tasks")
    assert kept == corrections


async def test_a_damage_that_a_reviewer_deleted_is_in_no_lead_and_one_he_drew_is(desk: Desk) -> None:
    await desk.wait()
    async with desk.db.begin() as session:
        above, street = await make_pictures(session, (await desk.row("SELECT id FROM base_leads"))[0])
        terms = replacement_cost(2800, material=None, material_index=1, labour_index=1).terms()
        seen = evidence_of([above, street], costs={"replacement": terms}).model_dump(mode="json")
        await session.execute(
            text(
                "UPDATE roof_analysis SET evidence = CAST(:seen AS jsonb), roof_sqft = 2800, damage_detected = true,"
                " damage_types = '{rust_stains}', damage_severity = '{\"rust_stains\": 9}', repair_cost_low = 900"
            ),
            {"seen": orjson.dumps(seen).decode()},
        )
    task = (await desk.queue())[0]["id"]
    box = {"left": 0.45, "top": 0.45, "right": 0.55, "bottom": 0.55}
    # Marks that may be hail cannot be seen from so far.
    kinds = ("missing_shingles", "hail_dents")
    drawn = [{"image_id": str(above), "damage": kind, "box": box} for kind in kinds]
    await desk.say(task, "approve", corrections={"damages": drawn})
    await desk.settle(task)

    kept = await desk.row(
        "SELECT damage_detected, damage_types, damage_severity, damage_areas_sqft, repair_cost_low, evidence"
        " FROM roof_analysis"
    )
    severity, area = kept[2]["missing_shingles"], kept[3]["missing_shingles"]
    assert kept[:2] == (True, ["missing_shingles"])
    assert severity == pytest.approx(area / 2800 * 500, rel=0.01)
    assert float(kept[4]) == pytest.approx(max(300, area * 6), rel=0.01)
    assert kept[5] == seen


async def test_who_has_given_his_word_does_not_keep_others_from_theirs(desk: Desk) -> None:
    impatient(desk, double_review_share=1.0)
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve")

    held = await desk.ask("POST", f"/{task}/claim")

    assert (held.status_code, held.json()["code"]) == (409, "review-given-before")
    assert (await desk.say(task, "approve", "bob")).status_code == 200


@pytest.mark.parametrize(
    ("path", "role", "body", "status"),
    [
        ("reject", Role.ADMIN, {}, 422),
        ("reject", Role.ADMIN, {"notes": "no"}, 422),
        ("approve", Role.ADMIN, {"condition": "splendid"}, 422),
        ("approve", Role.CONTRACTOR_OWNER, {}, 403),
    ],
)
async def test_a_decision_that_is_not_one_leaves_the_task_open(
    desk: Desk, path: str, role: Role, body: dict[str, str], status: int
) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]

    answer = await desk.ask("POST", f"/{task}/{path}", role=role, json=body)

    assert answer.status_code == status
    assert [row["id"] for row in await desk.queue()] == [task]


async def test_a_roof_that_was_looked_at_again_while_it_waited_moves_both_workflows(desk: Desk) -> None:
    first, _ = await desk.wait()
    (lead,) = await desk.row("SELECT id FROM base_leads")
    again, step = await desk.validate(lead, {**DOUBTFUL, "confidence": 0.4}, kind="analyze_lead")
    (task,) = await desk.queue()
    await desk.say(task["id"], "approve")
    await desk.settle(task["id"])

    assert step.status == "waiting"
    assert task["workflow_id"] == str(again)
    assert await desk.row(ENDED, id=first) == await desk.row(ENDED, id=again) == ("done", "approved")


async def test_a_word_on_an_analysis_that_was_made_again_meanwhile_is_refused(desk: Desk) -> None:
    await desk.wait()
    (seen,) = await desk.queue()
    (lead,) = await desk.row("SELECT id FROM base_leads")
    await desk.validate(lead, {**DOUBTFUL, "confidence": 0.4}, kind="analyze_lead")

    answer = await desk.say(seen["id"], "approve")

    assert (answer.status_code, answer.json()["code"]) == (409, "review-task-closed")
    assert await desk.row("SELECT count(*) FROM reviews") == (0,)
    assert [task["id"] != seen["id"] for task in await desk.queue()] == [True]


async def test_a_word_that_comes_while_the_job_of_the_one_before_ends_is_settled_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(desk, double_review_share=1.0)
    workflow, _ = await desk.wait()
    task = (await desk.queue("bob"))[0]["id"]
    await desk.say(task, "approve")
    settle = reviews.settle
    second: list[asyncio.Task[httpx.Response]] = []

    async def slowly(session: AsyncSession, task_id: UUID) -> str | None:
        found = await settle(session, task_id)
        if not second:
            second.append(asyncio.create_task(desk.say(task, "approve", "bob")))
            await asyncio.wait(second, timeout=2)
        return found

    monkeypatch.setattr(reviews, "settle", slowly)
    await desk.settle(task)
    answer = await second[0]
    await desk.settle(task)

    assert answer.json()["decided"] is True
    assert await desk.row(ENDED, id=workflow) == ("done", "approved")


async def test_a_cancelled_workflow_takes_its_task_along(desk: Desk) -> None:
    workflow, _ = await desk.wait()
    task = (await desk.queue())[0]["id"]
    async with desk.db.begin() as session:
        await session.execute(
            text("UPDATE core.workflow SET status = 'cancelled' WHERE id = :id"), {"id": workflow}
        )

    assert await desk.queue() == []
    assert (await desk.say(task, "approve")).json()["code"] == "review-task-closed"


async def test_an_unknown_task_is_not_found(desk: Desk) -> None:
    for verb in ("approve", "claim"):
        assert (await desk.say(str(uuid4()), verb)).status_code == 404
    assert (await desk.ask("GET", f"/{uuid4()}")).status_code == 404
