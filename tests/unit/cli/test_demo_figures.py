"""The figures of a demo and of the comparison with the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from services.scraper.ingest import IngestReport
from shared.cli import demo_database, imports
from shared.cli.demo_facts import Facts, document, faults
from shared.cli.leads import leads_table
from shared.cli.postgres_tools import Server
from shared.cli.truth import truth_table
from shared.cli.truth_measures import condition_share, finding, is_worn, quality
from shared.errors import Conflict
from shared.sandbox.town.model import Material
from shared.schemas.enums import RoofMaterial
from shared.schemas.service_life import expected_life

KEYS = [
    "version", "seed", "ok", "permits", "parcels", "prospects", "workflows", "leads", "sale", "outbox_unpublished",
    "dead_letters", "invariant_violations", "accuracy", "seconds", "pss_mb", "jobs", "events",
]  # fmt: skip


def parcel(apn: str, *, suppressed: bool) -> dict[str, Any]:
    return {"apn": apn, "suppressed": suppressed}


def true_house(condition: str, *damages: str, reroofed: bool, permit: bool = True) -> dict[str, Any]:
    roof = {
        "condition": condition,
        "damages": [{"kind": kind} for kind in damages],
        "material": "asphalt_architectural",
        "age_years": 5.0,
    }
    return {
        "roof": roof,
        "recently_reroofed": reroofed,
        "reroof_permit_on_file": permit,
        "address": {"state": "TX"},
    }


TRUTH = {
    "1": true_house("good", reroofed=True),
    "2": true_house("poor", reroofed=True, permit=False),
    "3": true_house("poor", "sagging", "hail_dents", reroofed=False),
    "4": true_house("fair", "ponding_water", reroofed=False),
}
PARCELS = [parcel("1", suppressed=True), parcel("2", suppressed=False), parcel("3", suppressed=False),
           parcel("4", suppressed=True), parcel("unknown", suppressed=True)]  # fmt: skip
ROOFS: list[dict[str, Any]] = [
    {
        "apn": "3",
        "condition": "poor",
        "label": None,
        "status": "available",
        "damages": ["sagging", "moss_algae"],
    },
    {"apn": "4", "condition": "poor", "label": "onsite_check", "status": "available", "damages": ["ponding"]},
    {"apn": "2", "condition": "excellent", "label": None, "status": "review", "damages": None},
]


def test_precision_and_recall() -> None:
    found = finding([(True, True), (True, False), (False, True), (False, True), (False, False)])
    assert (found.precision, found.recall, found.n) == (0.5, 0.3333, 5)


def test_nothing_said_has_no_precision() -> None:
    found = finding([(False, False)])
    assert (found.precision, found.recall, found.n) == (None, None, 1)
    assert condition_share([]).value is None


def test_condition_is_right_or_one_class_off() -> None:
    pairs = [("good", "good"), ("good", "fair"), ("poor", "good")]
    assert condition_share(pairs).value == 0.3333
    assert condition_share(pairs, tolerance=1).value == 0.6667


def test_town_is_compared_by_lot_number() -> None:
    found = quality(TRUTH, PARCELS, ROOFS)
    assert (found.suppression.precision, found.suppression.recall, found.suppression.n) == (0.5, 0.5, 4)
    assert (found.suppression_with_permit.recall, found.suppression_with_permit.n) == (1.0, 3)
    assert (found.condition.value, found.condition.n) == (0.3333, 3)
    assert (found.condition_published.value, found.condition_published.n) == (1.0, 1)


def test_damage_is_compared_kind_by_kind_and_hail_not_at_all() -> None:
    found = quality(TRUTH, PARCELS, ROOFS).damage
    assert (found.precision, found.recall, found.n) == (0.6667, 1.0, 18)


def lead(apn: str, grade: str | None, status: str = "available") -> dict[str, Any]:
    return {"apn": apn, "grade": grade, "status": status}


def test_published_leads_are_compared_with_the_roofs_that_truly_need_work() -> None:
    leads = [lead("3", "A"), lead("2", "B", "sold"), lead("4", "B"), lead("1", "C", "reserved"),
             lead("2", "A", "processing"), lead("unknown", "A")]  # fmt: skip
    found = quality(TRUTH, PARCELS, [], leads).worn
    assert (found.published.value, found.published.n) == (0.5, 4)
    assert (found.top_grades.value, found.top_grades.n) == (0.6667, 3)
    assert (found.parcels.value, found.parcels.n) == (0.5, 4)
    assert found.lift == 1.33


def test_no_published_lead_has_neither_precision_nor_lift() -> None:
    found = quality(TRUTH, PARCELS, [], [lead("3", "A", "processing")])
    assert (found.worn.published.value, found.worn.top_grades.value, found.worn.lift) == (None, None, None)
    assert quality({}, [], [], [lead("3", "A")]).worn.lift is None
    assert "unknown" in list(truth_table(found.as_json()).columns[1].cells)


@pytest.mark.parametrize(("condition", "years", "worn"), [
    ("fair", "life", False), ("fair", "past", True), ("good", "past", True), ("poor", "life", True),
    ("critical", "life", True),
])  # fmt: skip
def test_a_roof_needs_work_by_its_condition_or_past_its_life(condition: str, years: str, worn: bool) -> None:
    house = true_house(condition, reroofed=False)
    life = expected_life(RoofMaterial.ASPHALT_ARCHITECTURAL, "TX")
    house["roof"]["age_years"] = life + (0.1 if years == "past" else 0.0)
    assert is_worn(house) is worn


def test_every_covering_of_the_sandbox_has_a_life() -> None:
    assert {material.value for material in Material} <= {material.value for material in RoofMaterial}


def facts(**changes: Any) -> Facts:
    counts = {"read": 10, "stored": 7, "updated": 1, "duplicate": 1, "rejected": 1, "reasons": {}}
    steps = [
        {"name": "permits", "counts": counts, "seconds": 1.0},
        {"name": "parcels", "counts": {"stored": 4, "suppressed_addresses": 2}, "seconds": 1.0},
        {"name": "prospecting", "counts": {"inserted": 3}, "seconds": 0.5},
        {"name": "properties", "counts": {}, "seconds": 20.0},
    ]
    properties = {"done": 2, "failed": 0, "waiting": 1}
    values: dict[str, Any] = {
        "seed": 7,
        "report": {"steps": steps, "properties": properties, "elapsed_seconds": 24.0},
        "leads": {"A": 1, "B": 0, "C": 0, "D": 0, "onsite_check": 1, "review": 1},
        "parcels": 4,
        "sale": {"lead_id": "x", "reserved_at": "t", "charged_cents": 100, "charges": 1, "revealed_at": "t"},
        "platform": {"outbox_unpublished": 0, "dead_letters": 0, "invariant_violations": 0, "workers": 9},
        "quality": quality(TRUTH, PARCELS, ROOFS),
        "pss_mb": 1234.5,
        "setup_seconds": 30.0,
        "sale_seconds": 2.0,
        "jobs": {"permits": "done", "weather": "done"},
        "events": {"permit.scraped": 1},
        "jobs_seconds": 9.0,
    }
    return Facts(**{**values, **changes})


def test_document_has_the_agreed_keys() -> None:
    found = document(facts())
    assert list(found) == KEYS
    assert found["ok"] is True
    assert found["permits"] == {
        "read": 10, "stored": 7, "updated": 1, "duplicate": 1, "rejected": 1, "suppressed_addresses": 2,
    }  # fmt: skip
    assert found["workflows"] == {"done": 2, "failed": 0, "waiting": 1}
    assert found["seconds"] == {
        "setup": 30.0, "activate": 4.0, "workflows": 20.0, "sale": 2.0, "jobs": 9.0, "total": 0.0,
    }  # fmt: skip
    assert json.loads(json.dumps(found)) == found


SALE = facts().sale


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": {"outbox_unpublished": 1, "dead_letters": 0, "invariant_violations": 0}},
        {"jobs": {"permits": "done", "weather": "late"}},
        {"events": {"permit.scraped": 1, "property.scraped": 0}},
        {"platform": {"outbox_unpublished": 0, "dead_letters": 1, "invariant_violations": 0}},
        {"platform": {"outbox_unpublished": 0, "dead_letters": 0, "invariant_violations": 1}},
        {"sale": {**SALE, "charges": 2}},
        {"sale": {**SALE, "charges": 0}},
        {"sale": {**SALE, "revealed_at": None}},
        {"quality": quality(TRUTH, PARCELS, [])},
    ],
)
def test_each_fault_is_told_and_spoils_the_run(changes: dict[str, Any]) -> None:
    found = document(facts(**changes))
    assert found["ok"] is False
    assert len(faults(found)) == 1


def test_failed_workflows_and_lost_permits_are_faults() -> None:
    found = document(facts())
    found["workflows"]["failed"] = 1
    found["permits"]["stored"] = 6
    assert faults(found) == ["permits do not add up", "property workflows failed"]


def test_lead_without_a_price_has_its_line() -> None:
    lead = dict.fromkeys(("grade", "quality_score", "price", "condition", "publish_label"))
    table = leads_table([{**lead, "status": "processing", "address": "1 A ST, HARROW", "city": "Harrow",
                          "triggers": [], "reasons": ["roof_age"]}])  # fmt: skip
    assert table.row_count == 1


def test_import_with_a_row_kept_prints_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    imports._print(IngestReport(read=2, stored=1, rejected=1, reasons={"bad_date": 1}))
    assert json.loads(capsys.readouterr().out)["stored"] == 1


@pytest.mark.parametrize(
    "report",
    [
        IngestReport(read=2, rejected=2, reasons={"bad_date": 2}),
        IngestReport(read=2, stored=2) + IngestReport.refused("unknown_format", "b.json: no permits"),
    ],
)
def test_import_of_which_no_row_or_not_every_file_could_be_read_ends_with_status_one(
    report: IngestReport,
) -> None:
    with pytest.raises(typer.Exit):
        imports._print(report)


class StrangeServer:
    """A database that the environment names; `holds` is the answer to every question."""

    database = "somebody_elses"

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds

    @contextmanager
    def connect(self) -> Iterator[StrangeServer]:
        yield self

    def execute(self, *_: object) -> StrangeServer:
        return self

    def fetchone(self) -> tuple[bool]:
        return (self._holds,)


@pytest.mark.parametrize("holds", [True, False])
def test_foreign_database_is_never_emptied(
    holds: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RIDGELINE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://them@127.0.0.1:1/somebody_elses")
    monkeypatch.setattr(Server, "of", lambda _url: StrangeServer(holds=holds))
    for name in ("drop_database", "create_database", "swap_database"):
        monkeypatch.setattr(demo_database, name, lambda *_: pytest.fail("touched"))
    if holds:
        with pytest.raises(Conflict, match="--keep"):
            list(demo_database.start_afresh())
    else:
        assert list(demo_database.start_afresh()) == []
