"""What is made of stored pictures: each once, with its place and licence, and a bad one stops no other."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from PIL import Image
from sqlalchemy import text

from services.image_processor.domain.keys import DamageView
from shared.schemas.enums import ViewAngle
from shared.security.policy import Role
from tests.factories.services import call
from tests.integration.image_processor.conftest import Darkroom, roof_file

KEY = {"Idempotency-Key": "order-0001"}
PATHS = (
    "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "\0", "%00", "a" * 100_000, "images/original", "", "ÿ" * 36, 7,
)  # fmt: skip
VIEWS = [view.value for view in DamageView]


async def post(darkroom: Darkroom, path: str, body: dict[str, Any], **options: Any) -> Any:
    """An operator's order."""
    options.setdefault("headers", KEY)
    return await call(darkroom.door, "POST", f"/images/{path}", json=body, **options)


def code(answer: Any) -> str:
    """The name of a refusal."""
    return str(answer.json()["type"].rsplit(":", 1)[-1])


async def size_of(darkroom: Darkroom, key: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(await darkroom.store.get(key))).size


async def test_a_standard_form_is_a_picture_of_its_own_with_its_place_and_licence(darkroom: Darkroom) -> None:
    original = await darkroom.keep(roof_file(), gsd_m=0.16)
    step = await darkroom.run("preprocess_images", "preprocess_images")

    assert (step.status, step.output) == ("done", {"usable": 1, "made": 1, "known": 0, "skipped": {}})
    (form,) = await darkroom.made()
    assert (form.parent_image_id, form.image_type, form.variant) == (original, "processed", "standard")
    assert (form.image_width, form.image_height, float(form.gsd_m)) == (1024, 1024, 0.05)
    assert (form.licence_id, str(form.capture_date)) == ("us_public_domain", "2026-06-01")
    assert form.usable_for_analysis
    assert await size_of(darkroom, form.s3_key) == (1024, 1024)
    sidecar = orjson.loads(await darkroom.store.get(form.s3_key.replace(".jpg", ".json")))
    assert sidecar["original"] == str(original)
    assert sidecar["config"] == form.processing_config
    assert {"version", "stage", "scale", "left", "top", "gamma"} <= set(sidecar["config"])


async def test_the_same_work_is_done_once_and_again_only_for_other_bytes(darkroom: Darkroom) -> None:
    await darkroom.keep(roof_file())
    first = await darkroom.run("preprocess_images", "preprocess_images")
    (form,) = await darkroom.made()
    await darkroom.store.put(form.s3_key, b"mark")
    again = await darkroom.run("preprocess_images", "preprocess_images")
    untouched = await darkroom.store.get(form.s3_key)
    await darkroom.keep(roof_file(seed=4))
    other = await darkroom.run("preprocess_images", "preprocess_images")

    counts = [(step.output["made"], step.output["known"]) for step in (first, again, other)]
    assert counts == [(1, 0), (0, 1), (1, 0)]
    assert untouched == b"mark"
    assert await size_of(darkroom, form.s3_key) == (1024, 1024)
    assert [row.id for row in await darkroom.made()] == [form.id]


async def test_a_picture_that_fails_is_skipped_with_its_reason_and_the_others_go_on(
    darkroom: Darkroom,
) -> None:
    good = await darkroom.keep(roof_file())
    cut = await darkroom.keep(roof_file()[:4000], ViewAngle.FRONT)
    gone = await darkroom.keep(None, ViewAngle.LEFT)
    await darkroom.keep(roof_file(), ViewAngle.RIGHT, usable=False)
    step = await darkroom.run("preprocess_images", "preprocess_images")

    assert step.status == "done"
    assert step.output["skipped"] == {str(cut): "truncated", str(gone): "gone_from_the_store"}
    assert [row.parent_image_id for row in await darkroom.made()] == [good]


async def test_a_house_without_a_good_picture_is_skipped_with_the_reasons(darkroom: Darkroom) -> None:
    nothing = await darkroom.run("preprocess_images", "preprocess_images")
    await darkroom.keep(b"<svg/>")
    await darkroom.keep(None, ViewAngle.FRONT)
    broken = await darkroom.run("preprocess_images", "preprocess_images")

    assert (nothing.status, nothing.reason) == ("skipped", "no picture is good enough to look at")
    assert (broken.status, broken.reason) == ("skipped", "gone_from_the_store; svg")


async def test_an_order_starts_one_job_and_a_batch_one_for_every_house(darkroom: Darkroom) -> None:
    first = await post(darkroom, "preprocess", {"property_id": str(darkroom.lead_id)})
    same = await post(darkroom, "preprocess", {"property_id": str(darkroom.lead_id)})
    nobody = uuid4()
    batch = await post(darkroom, "batch/process", {"property_ids": [str(darkroom.lead_id), str(nobody)]})
    unknown = await post(
        darkroom, "preprocess", {"property_id": str(nobody)}, headers={"Idempotency-Key": "another-1"}
    )

    assert (first.status_code, first.json()["new"]) == (202, True)
    assert same.json() == {"job_id": first.json()["job_id"], "new": False}
    assert (batch.status_code, batch.json()["accepted"], batch.json()["unknown"]) == (202, 1, [str(nobody)])
    assert unknown.status_code == 404


async def test_a_batch_runs_a_workflow_for_every_house(darkroom: Darkroom) -> None:
    step = await darkroom.run("process_images", "process_images", lead_ids=[str(darkroom.lead_id)])

    assert step.status == "waiting"
    async with darkroom.db() as session:
        children = await session.execute(
            text("SELECT subject_id FROM core.workflow WHERE kind = 'preprocess_images'")
        )
    assert children.scalars().all() == [darkroom.lead_id]


async def test_damage_views_are_made_once_and_kept(darkroom: Darkroom) -> None:
    image_id = await darkroom.keep(roof_file())
    two = await post(darkroom, "transform", {"image_id": str(image_id), "transformations": VIEWS[:2]})
    five = await post(darkroom, "transform", {"image_id": str(image_id), "transformations": [*VIEWS, "rust"]})

    assert (two.status_code, five.status_code) == (200, 200)
    assert [view["transformation"] for view in five.json()["views"]] == VIEWS
    assert [view["new"] for view in five.json()["views"]] == [False, False, True, True, True]
    rows = {str(row.id): row for row in await darkroom.made()}
    for view in five.json()["views"]:
        row = rows[view["image_id"]]
        assert row.s3_key == f"images/{darkroom.lead_id}/transformed/{view['transformation']}/{image_id}.jpg"
        assert await size_of(darkroom, row.s3_key) == (320, 320)
        assert not row.usable_for_analysis


async def test_an_unknown_transformation_and_another_scale_are_422(darkroom: Darkroom) -> None:
    image_id = str(uuid4())
    for names in (["moss", "ghosts"], ["../original"], [], ["moss"] * 21):
        answer = await post(darkroom, "transform", {"image_id": image_id, "transformations": names})
        assert answer.status_code == 422
    for scale in (1, 3, 8, "big"):
        assert (await post(darkroom, "enhance", {"image_id": image_id, "scale": scale})).status_code == 422


async def test_a_picture_that_cannot_be_worked_on_is_refused_by_name(darkroom: Darkroom) -> None:
    gone = await darkroom.keep(None)
    cut = await darkroom.keep(roof_file()[:4000], ViewAngle.FRONT)
    shown_only = await darkroom.keep(roof_file(), ViewAngle.LEFT, source="google_streetview")
    answers = [
        await post(darkroom, "transform", {"image_id": str(one), "transformations": ["moss"]})
        for one in (gone, cut, shown_only, uuid4())
    ]

    told = [(answer.status_code, code(answer)) for answer in answers]
    assert told == [
        (409, "picture-unreadable"),
        (409, "picture-unreadable"),
        (403, "imagery-licence"),
        (404, "not-found"),
    ]
    assert await darkroom.made() == []


async def test_a_roof_is_enlarged_twice_and_fourfold_once(darkroom: Darkroom, networks_folder: Path) -> None:
    image_id = await darkroom.keep(roof_file(96), size=(96, 96), gsd_m=0.6)
    order = await post(darkroom, "enhance", {"image_id": str(image_id), "scale": 4})
    first = await darkroom.run("enhance_image", "enhance_image", image_id)
    again = await darkroom.run("enhance_image", "enhance_image", image_id)

    told = order.json()
    assert (order.status_code, told["part"]) == (202, {"left": 23, "top": 23, "width": 50, "height": 50})
    assert (told["width"], told["height"]) == (200, 200)
    assert (first.status, again.output) == ("done", {"made": {}, "known": 2})
    double, fourfold = await darkroom.made()
    assert (double.variant, fourfold.variant) == ("2x", "4x")
    assert fourfold.s3_key == told["key"] == first.output["made"]["4x"]
    assert await size_of(darkroom, double.s3_key) == (100, 100)
    assert await size_of(darkroom, fourfold.s3_key) == (200, 200)
    assert (double.image_type, float(double.gsd_m), float(fourfold.gsd_m)) == ("super_res", 0.3, 0.15)
    assert not any(row.usable_for_analysis for row in (double, fourfold))
    assert fourfold.processing_config["use"].startswith("for human eyes")
    assert fourfold.processing_config["network"] == "realesr-animevideov3-x4"


async def test_what_needs_no_enlargement_or_too_much_of_it_is_refused(
    darkroom: Darkroom, networks_folder: Path
) -> None:
    fine = await darkroom.keep(roof_file(640), size=(640, 640), gsd_m=0.05)
    wide = await darkroom.keep(roof_file(), ViewAngle.FRONT, size=(4000, 400), gsd_m=0.01)
    answers = [await post(darkroom, "enhance", {"image_id": str(one)}) for one in (fine, wide)]
    skipped = await darkroom.run("enhance_image", "enhance_image", fine)

    told = [(answer.status_code, code(answer)) for answer in answers]
    assert told == [(409, "picture-fine-enough"), (409, "too-many-tiles")]
    assert skipped.status == "skipped"
    assert "show the roof without it" in skipped.reason


async def test_without_the_networks_enlarging_is_said_to_be_missing(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    image_id = await darkroom.keep(roof_file(96), size=(96, 96))
    darkroom.door.resources.settings.networks = str(tmp_path)
    answer = await post(darkroom, "enhance", {"image_id": str(image_id)})
    step = await darkroom.run("enhance_image", "enhance_image", image_id)

    assert (answer.status_code, code(answer)) == (503, "super-resolution-missing")
    assert (step.status, "not installed" in step.reason) == ("skipped", True)


@pytest.mark.fault(22)
async def test_a_path_for_an_id_is_422_and_touches_no_file(darkroom: Darkroom) -> None:
    await darkroom.keep(roof_file())
    before = darkroom.files()
    for name in PATHS:
        orders: list[tuple[str, dict[str, Any]]] = [
            ("preprocess", {"property_id": name}),
            ("batch/process", {"property_ids": [name]}),
            ("enhance", {"image_id": name}),
            ("transform", {"image_id": name, "transformations": ["moss"]}),
        ]
        for path, body in orders:
            assert (await post(darkroom, path, body)).status_code == 422, (path, name)
    assert darkroom.files() == before


async def test_a_contractor_may_order_nothing(darkroom: Darkroom) -> None:
    body = {"property_id": str(UUID(int=1))}
    answer = await post(darkroom, "preprocess", body, role=Role.CONTRACTOR_OWNER)
    assert answer.status_code == 403
