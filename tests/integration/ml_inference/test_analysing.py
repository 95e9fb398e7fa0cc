"""A house's pictures become an analysis: each shown to the same weights once, under its licence, with a reason where not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import Row, text

from services.ml_inference.app import service
from services.ml_inference.settings import MlInferenceSettings
from shared.db.engine import SessionMaker
from shared.schemas.enums import RoofCondition, ViewAngle
from shared.schemas.roof_evidence import RoofEvidence
from shared.security.policy import Role
from tests.factories.roofs import POOR_HOUSE, make_photographed_lead, store_picture
from tests.factories.services import RunningService, call, running, settings_with_keys
from tests.factories.single_step import begin, run_step
from tests.factories.tiny_models import painted, tiny_weights

PREPROCESSED = {"preprocess": {"usable": 5}}
ANALYSIS = "SELECT * FROM roof_analysis WHERE is_current AND base_lead_id = :id"
RUNS = """
    SELECT id, model_type, model_name, model_version, status, error_message, completed_at FROM ml_inference_jobs
     WHERE base_lead_id = :id ORDER BY property_image_id, model_type
"""


@dataclass
class Lab:
    """The service on tiny weights."""

    door: RunningService
    db: SessionMaker
    weights: Path

    async def photographed(self, pictures: Any = POOR_HOUSE, **facts: Any) -> UUID:
        resources = self.door.resources
        return await make_photographed_lead(self.db, resources.keys, resources.own.store, pictures, **facts)

    async def analyse(self, lead_id: UUID, kind: str = "property") -> Row[Any]:
        """The ended step."""
        workflow = await begin(self.door.resources, kind, lead_id)
        ended = PREPROCESSED if kind == "property" else None
        return await run_step(service, self.door.resources, workflow, "ml", ended=ended)

    async def rows(self, statement: str, lead_id: UUID) -> list[Row[Any]]:
        async with self.db() as session:
            return list((await session.execute(text(statement), {"id": lead_id})).all())

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        return await call(self.door, method, path, **options)


@pytest.fixture
async def lab(
    database_url: str, redis_url: str, redis: Redis, committed_db: SessionMaker, tmp_path: Path
) -> AsyncIterator[Lab]:
    """Roof analysis with an object store and weights of its own."""
    weights = tiny_weights(tmp_path / "weights")
    settings = settings_with_keys(
        MlInferenceSettings,
        database_url=database_url,
        redis_url=redis_url,
        port_base=1,
        object_store_url=(tmp_path / "store").as_uri(),
        weights_folder=weights,
    )
    async with running(service, settings) as door:
        yield Lab(door, committed_db, weights)


async def test_three_models_look_at_every_picture_and_the_roof_is_told_with_all_it_rests_on(lab: Lab) -> None:
    lead = await lab.photographed()

    step = await lab.analyse(lead)

    assert step.status == "done", step.reason
    (analysis,) = await lab.rows(ANALYSIS, lead)
    evidence = RoofEvidence.model_validate(analysis.evidence)
    assert (analysis.overall_condition, step.output["condition"]) == ("poor", "poor")
    assert analysis.damage_types == ["missing_shingles"]
    assert analysis.damage_locations[0]["image_id"] == str(evidence.pictures[0].image_id)
    assert {term.role for term in evidence.terms} == {"classifier", "detector", "segmentor"}
    assert [bool(picture.roof) for picture in evidence.pictures] == [True] * 5
    assert evidence.roof_area is not None
    assert (evidence.roof_area["source"], analysis.roof_sqft) == ("mask", evidence.roof_area["sqft"])
    assert analysis.roof_sqft == pytest.approx(80 * 120 * 0.15**2 * 10.7639 * 1.118, rel=0.03)
    assert analysis.repair_cost_low < analysis.replacement_cost_low
    assert (analysis.classifier_model, analysis.detector_model, analysis.segmentor_version) == (
        "tiny-classifier",
        "tiny-detector",
        "1",
    )
    assert [run.status for run in await lab.rows(RUNS, lead)] == ["completed"] * 15


async def test_the_same_weights_see_the_same_picture_once(lab: Lab) -> None:
    lead = await lab.photographed()
    await lab.analyse(lead, "analyze_lead")
    before = await lab.rows(RUNS, lead)

    await lab.analyse(lead, "property")
    assert await lab.rows(RUNS, lead) == before

    changed = painted(RoofCondition.GOOD)
    await store_picture(lab.db, lab.door.resources.own.store, lead, ViewAngle.FRONT, changed)
    async with lab.db.begin() as session:
        await session.execute(text("UPDATE core.workflow SET status = 'done'"))
    await lab.analyse(lead, "analyze_lead")
    after = await lab.rows(RUNS, lead)

    assert [run.id for run in after] == [run.id for run in before]
    assert sum(now.completed_at > then.completed_at for now, then in zip(after, before, strict=True)) == 3


async def test_a_bad_picture_ends_with_its_reason_and_the_house_goes_on(lab: Lab) -> None:
    lead = await lab.photographed({**POOR_HOUSE, ViewAngle.LEFT: b"no picture at all"})

    step = await lab.analyse(lead)

    assert step.status == "done", step.reason
    (analysis,) = await lab.rows(ANALYSIS, lead)
    refused = [picture["refused"] for picture in analysis.evidence["pictures"] if picture["refused"]]
    assert refused == ["this file cannot be read as a picture"]
    runs = await lab.rows(RUNS, lead)
    assert sorted(run.status for run in runs) == ["completed"] * 12 + ["failed"] * 3


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        ({}, "no usable picture"),
        ({ViewAngle.OVERHEAD: b"broken"}, "cannot be read"),
        ({ViewAngle.OVERHEAD: painted(RoofCondition.FAIR, found=False)}, "no picture shows the roof"),
    ],
)
async def test_without_a_roof_to_see_the_step_is_skipped_with_the_reason(
    lab: Lab, pictures: dict[ViewAngle, bytes], reason: str
) -> None:
    step = await lab.analyse(await lab.photographed(pictures))

    assert step.status == "skipped"
    assert reason in step.reason


async def test_what_may_be_analysed_and_not_sold_is_in_no_lead(lab: Lab) -> None:
    lead = await lab.photographed()
    async with lab.db.begin() as session:
        await session.execute(
            text("UPDATE compliance.source_registry SET may_sell = false WHERE source_key = 'naip'")
        )

    step = await lab.analyse(lead)

    (analysis,) = await lab.rows(ANALYSIS, lead)
    assert step.status == "done", step.reason
    assert {picture["source"] for picture in analysis.evidence["pictures"]} == {"licensed_street"}


async def test_no_model_sees_a_picture_that_its_licence_keeps_from_it(lab: Lab) -> None:
    lead = await lab.photographed({})
    await store_picture(
        lab.db,
        lab.door.resources.own.store,
        lead,
        ViewAngle.OVERHEAD,
        painted(RoofCondition.FAIR),
        "google_static",
    )

    step = await lab.analyse(lead)

    assert (step.status, step.reason) == (
        "skipped",
        "no picture may be analysed and sold under its licence",
    )
    assert await lab.rows(RUNS, lead) == []


async def test_new_weights_come_in_while_analyses_run_and_none_is_lost(lab: Lab) -> None:
    leads = [await lab.photographed() for _ in range(4)]
    models = (await lab.ask("GET", "/models")).json()
    assert {(model["name"], model["version"], model["active"]) for model in models} == {
        (f"tiny-{role}", "1", True) for role in ("classifier", "detector", "segmentor")
    }
    await lab.analyse(leads[0])

    under_way = [asyncio.create_task(lab.analyse(lead)) for lead in leads[1:]]
    tiny_weights(lab.weights, "2")
    answer = await lab.ask("POST", f"/models/{models[0]['id']}/reload")

    assert answer.status_code == 200, answer.text
    assert {model["version"] for model in answer.json()["models"].values()} == {"2"}
    assert [step.status for step in await asyncio.gather(*under_way)] == ["done"] * 3
    again = await lab.photographed()
    await lab.analyse(again)
    assert {run.model_version for run in await lab.rows(RUNS, again)} == {"2"}
    known = (await lab.ask("GET", "/models")).json()
    in_use = next(model for model in known if model["active"])
    await lab.ask("POST", f"/models/{in_use['id']}/reload")
    read_again = (await lab.ask("GET", f"/models/{in_use['id']}")).json()
    assert read_again["activated_at"] > in_use["activated_at"], "what tells other processes to follow"
    stale = [model for model in known if not model["active"]]
    assert {model["version"] for model in stale} == {"1"}
    refused = await lab.ask("POST", f"/models/{stale[0]['id']}/reload")
    assert (refused.status_code, refused.json()["code"]) == (409, "model-not-in-use")
    health = (await lab.ask("GET", "/health")).json()
    assert health["providers"] == ["CPUExecutionProvider"]
    assert health["models"]["classifier"] == {"name": "tiny-classifier", "version": "2"}


async def test_weights_that_do_not_load_leave_those_in_use(lab: Lab) -> None:
    model = (await lab.ask("GET", "/models")).json()[0]["id"]
    (lab.weights / "detector.onnx").write_bytes(b"half a file")

    answer = await lab.ask("POST", f"/models/{model}/reload")

    assert (answer.status_code, answer.json()["code"]) == (409, "weights-refused")
    tiny_weights(lab.weights)
    assert (await lab.analyse(await lab.photographed())).status == "done"


@pytest.mark.parametrize(("file", "version"), [("whole", "2"), ("half", "1")])
async def test_another_process_follows_and_passes_bad_weights_over(lab: Lab, file: str, version: str) -> None:
    await lab.analyse(await lab.photographed())
    tiny_weights(lab.weights, "2")
    if file == "half":
        (lab.weights / "segmentor.onnx").write_bytes(b"half")

    async with lab.db.begin() as session:
        await session.execute(text("UPDATE models SET activated_at = clock_timestamp()"))
    lead = await lab.photographed()
    step = await lab.analyse(lead)

    assert step.status == "done", step.reason
    assert {run.model_version for run in await lab.rows(RUNS, lead)} == {version}


async def test_one_picture_is_seen_by_the_models_asked_for(lab: Lab) -> None:
    lead = await lab.photographed()
    ((image, *_),) = await lab.rows(
        "SELECT id FROM property_images WHERE base_lead_id = :id AND image_type = 'satellite'", lead
    )

    answer = await lab.ask(
        "POST", "/analyze/image", json={"image_id": str(image), "models": ["detector", "segmentor"]}
    )

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert sorted(told["answers"]) == ["detector", "segmentor"]
    assert told["picture"]["damages"][0]["damage"] == "missing_shingles"
    assert told["picture"]["probabilities"] is None
    assert {model["role"] for model in told["models"]} == {"detector", "segmentor"}
    assert len(await lab.rows(RUNS, lead)) == 2
    unknown = await lab.ask("POST", "/analyze/image", json={"image_id": str(uuid4())})
    assert unknown.status_code == 404
    wrong = await lab.ask("POST", "/analyze/image", json={"image_id": str(image), "models": ["oracle"]})
    assert wrong.status_code == 422


async def test_a_property_is_analysed_once_for_all_who_ask_while_it_is(lab: Lab) -> None:
    lead = await lab.photographed()
    order: dict[str, Any] = {
        "json": {"property_id": str(lead)},
        "headers": {"Idempotency-Key": "order-0001"},
    }
    async with lab.door.client(token=lab.door.user_token(Role.OPS), timeout=30) as client:
        first, again = [await client.post("/analyze/property", **order) for _ in range(2)]
    other = await lab.ask("POST", "/analyze/property", json={"property_id": str(lead)})

    assert [answer.status_code for answer in (first, again, other)] == [202] * 3
    assert first.json() == again.json()
    assert other.json() == {**first.json(), "new": False}
    job = UUID(first.json()["job_id"])
    assert (await run_step(service, lab.door.resources, job, "ml")).status == "done"
    assert (await lab.ask("POST", "/analyze/property", json={"property_id": str(uuid4())})).status_code == 404


async def test_a_lead_under_way_is_left_to_its_own_workflow_and_buyers_order_nothing(lab: Lab) -> None:
    lead = await lab.photographed()
    await begin(lab.door.resources, "property", lead)

    answer = await lab.ask("POST", "/analyze/property", json={"property_id": str(lead)})

    assert (answer.status_code, answer.json()["code"]) == (409, "analysis-under-way")
    buyer = await lab.ask(
        "POST", "/analyze/property", json={"property_id": str(lead)}, role=Role.CONTRACTOR_OWNER
    )
    assert buyer.status_code == 403


async def test_the_hourly_job_takes_roofs_these_weights_have_not_seen(lab: Lab) -> None:
    seen, unseen, busy = [await lab.photographed() for _ in range(3)]
    without = await lab.photographed({})
    await lab.analyse(seen, "property")
    async with lab.db.begin() as session:
        await session.execute(text("UPDATE core.workflow SET status = 'done'"))
    await begin(lab.door.resources, "property", busy)

    job = await begin(lab.door.resources, "analyze_leads")
    await run_step(service, lab.door.resources, job, "analyze_leads")

    async with lab.db() as session:
        children = text(
            "SELECT subject_id FROM core.workflow WHERE kind = 'analyze_lead' AND parent_id = :id"
        )
        found = set((await session.execute(children, {"id": job})).scalars())
    assert found == {unseen}
    assert without not in found
    changed = painted(RoofCondition.GOOD)
    await store_picture(lab.db, lab.door.resources.own.store, seen, ViewAngle.FRONT, changed)
    async with lab.db.begin() as session:
        await session.execute(text("UPDATE core.workflow SET status = 'done'"))
    job = await begin(lab.door.resources, "analyze_leads")
    await run_step(service, lab.door.resources, job, "analyze_leads")
    async with lab.db() as session:
        assert set((await session.execute(children, {"id": job})).scalars()) == {seen, busy}


async def test_a_prediction_is_held_against_what_is_known_and_stored_nowhere(lab: Lab) -> None:
    lead = await lab.photographed()
    await lab.analyse(lead)
    ask = {"property_id": str(lead), "prediction": {"condition": "poor", "confidence": 0.97}}

    answer = await lab.ask("POST", "/validate/prediction", json=ask)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["agrees_with_analysis"] is True
    assert told["gate"] in ("onsite_check", "review"), "the weights are not proven yet"
    assert [stage["stage"] for stage in told["validation"]["stages"]][-1] == "combination"
    (analysis,) = await lab.rows(ANALYSIS, lead)
    assert (analysis.validation_status, analysis.validation_evidence) == ("pending", None)
    lopsided = {**ask, "prediction": {**ask["prediction"], "probabilities": {"poor": 0.5}}}  # type: ignore[dict-item]
    assert (await lab.ask("POST", "/validate/prediction", json=lopsided)).status_code == 422
    unknown = {**ask, "property_id": str(uuid4())}
    assert (await lab.ask("POST", "/validate/prediction", json=unknown)).status_code == 404
