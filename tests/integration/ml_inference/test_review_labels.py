"""What closed reviews leave: labels with provenance, and figures of the people who gave them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from shared.cli.reviews import export
from shared.db.engine import SessionMaker
from shared.schemas.roof_evidence import PictureEvidence, RoofEvidence
from shared.security.policy import Role
from shared.settings import SERVICE_PORTS
from tests.factories.pages import serving
from tests.factories.reviews import DOUBTFUL, Desk, open_desk
from tests.factories.services import FRESH_KEYS

PICTURE = text(
    """
    INSERT INTO property_images (id, base_lead_id, image_type, view_angle, source, licence_id, image_domain, s3_key,
                                 gsd_m, created_at)
    SELECT :id, id, :type, :angle, :source, 'public domain', 'rendered', 'images/' || CAST(:id AS text), 0.3,
           now() - interval '1 day'
      FROM base_leads
    """
)
BOX = {"left": 0.1, "top": 0.1, "right": 0.4, "bottom": 0.3}
ROOF = [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]]


@pytest.fixture
async def desk(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker
) -> AsyncIterator[Desk]:
    """The service without any analysis."""
    async with open_desk(database_url, redis_url, committed_db) as opened:
        yield opened


async def pictures(desk: Desk) -> tuple[UUID, UUID]:
    """A picture that may train and one that may only be shown; the models had seen a damage in the first."""
    naip, google = uuid4(), uuid4()
    moss = {"image_id": naip, "damage": "moss_algae", "box": BOX, "confidence": 0.8, "area_share": 0.1}
    seen = PictureEvidence.model_validate(
        {
            "image_id": naip,
            "image_type": "satellite",
            "view_angle": "overhead",
            "source": "naip",
            "domain": "rendered",
            "roof": ROOF,
            "damages": [{**moss, "severity": 10}],
        }
    )
    evidence = RoofEvidence(pictures=[seen], terms=[], condition_index=50, probabilities={}, models=[])
    async with desk.db.begin() as session:
        for row in (
            {"id": naip, "type": "satellite", "angle": "overhead", "source": "naip"},
            {"id": google, "type": "street_view", "angle": "front", "source": "google_streetview"},
        ):
            await session.execute(PICTURE, row)
        await session.execute(
            text("UPDATE roof_analysis SET evidence = CAST(:seen AS jsonb)"),
            {"seen": evidence.model_dump_json()},
        )
    return naip, google


async def labels(desk: Desk) -> list[dict[str, Any]]:
    """What the operators' export gives."""
    answer = await desk.ask("GET", "/export", role=Role.OPS)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_label_holds_what_the_reviewer_let_stand_and_no_picture_without_the_right(desk: Desk) -> None:
    await desk.wait()
    naip, _ = await pictures(desk)
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve", condition="poor")
    before = await labels(desk)
    await desk.settle(task)

    (label,) = await labels(desk)

    assert before == []
    assert (label["condition"], label["models_said"], label["weights"]) == ("poor", "fair", "w1")
    assert label["refused"] == {"google_streetview": 1}
    (picture,) = label["pictures"]
    assert (picture["image_id"], picture["key"]) == (str(naip), f"images/{naip}")
    assert (picture["source"], picture["licence_id"]) == ("naip", "public domain")
    assert (picture["damages"], picture["damages_by"]) == ([{"damage": "moss_algae", "box": BOX}], "models")
    assert (picture["roof"], picture["roof_by"]) == (ROOF, "models")


async def test_a_picture_that_nobody_looked_at_is_no_label(desk: Desk) -> None:
    await desk.wait()
    naip, _ = await pictures(desk)
    async with desk.db.begin() as session:
        for angle in ("left", "rear"):
            row = {"id": uuid4(), "type": "street_view", "angle": angle, "source": "naip"}
            await session.execute(PICTURE, row)
        await session.execute(
            text(
                """
                UPDATE roof_analysis SET evidence = jsonb_set(evidence, '{pictures,1}', (
                    SELECT jsonb_build_object('image_id', id, 'refused', 'this file cannot be read as a picture')
                      FROM property_images WHERE view_angle = 'rear'))
                """
            )
        )
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve")
    await desk.settle(task)

    (label,) = await labels(desk)
    assert [picture["image_id"] for picture in label["pictures"]] == [str(naip)]


async def test_a_drawn_correction_takes_the_place_of_what_the_models_saw(desk: Desk) -> None:
    await desk.wait()
    naip, _ = await pictures(desk)
    task = (await desk.queue())[0]["id"]
    corrections = {"damages": [], "roofs": [{"image_id": str(naip), "roof": []}]}
    await desk.say(task, "approve", corrections=corrections)
    await desk.settle(task)

    (picture,) = (await labels(desk))[0]["pictures"]
    assert (picture["damages"], picture["damages_by"]) == ([], "reviewer")
    assert (picture["roof"], picture["roof_by"]) == ([], "reviewer")


async def test_a_rejected_analysis_teaches_nothing_and_reviewers_export_nothing(desk: Desk) -> None:
    await desk.wait()
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "reject", notes="another house")
    await desk.settle(task)

    assert await labels(desk) == []
    assert (await desk.ask("GET", "/export")).status_code == 403


async def test_the_command_writes_every_label_and_counts_what_it_left_out(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.wait()
    await pictures(desk)
    task = (await desk.queue())[0]["id"]
    await desk.say(task, "approve")
    await desk.settle(task)

    async with serving(desk.door.app) as url:
        for name, value in FRESH_KEYS.items():
            monkeypatch.setenv(name, value)
        port = int(url.rpartition(":")[2])
        monkeypatch.setenv("RIDGELINE_PORT_BASE", str(port - SERVICE_PORTS["ml_inference"]))
        await asyncio.to_thread(export, tmp_path / "set")

    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest == {
        "houses": 1,
        "pictures": 1,
        "conditions": {"fair": 1},
        "licences": {"public domain": 1},
        "refused": {"google_streetview": 1},
    }
    assert json.loads(capsys.readouterr().out) == manifest
    lines = (tmp_path / "set" / "labels.jsonl").read_text().splitlines()
    assert [json.loads(line)["task_id"] for line in lines] == [task]


async def test_reviewers_and_models_have_their_record(desk: Desk) -> None:
    object.__setattr__(desk.door.resources.settings, "double_review_share", 1.0)
    words = [("fair", "fair"), ("poor", "poor"), ("poor", "poor"), ("poor", "fair")]
    for _ in words:
        await desk.wait(DOUBTFUL)
    tasks = [task["id"] for task in await desk.queue()]
    for task, (ann, bob) in zip(tasks, words, strict=True):
        await desk.say(task, "approve", "ann", condition=ann)
        await desk.say(task, "approve", "bob", condition=bob)
    await desk.say(tasks[3], "approve", "cem", condition="poor")
    for task in tasks:
        await desk.settle(task)

    stats = (await desk.ask("GET", "/stats")).json()

    people = {row["reviewer_id"]: row for row in stats["reviewers"]}
    ann, bob, cem = (people[str(desk.people[name])] for name in ("ann", "bob", "cem"))
    assert [(p["reviews"], p["changed"], p["with_final"]) for p in (ann, bob, cem)] == [
        (4, 3, 1.0),
        (4, 2, 0.75),
        (1, 1, 1.0),
    ]
    # Fair twice and once against poor, poor twice: three of four agree, 0.53 by chance.
    assert (stats["agreement"]["kappa"], stats["agreement"]["tasks"]) == (0.4667, 4)
    assert stats["agreement"]["low"] <= 0.4667 <= stats["agreement"]["high"]
    assert [pair["kappa"] for pair in stats["pairs"].values()] == [0.5]
    assert stats["models_right"] == {"rendered": 0.25, "real": None}
    assert (stats["open"], stats["overdue"], stats["reviewed_today"]) == (0, 0, 9)
