"""From a permit to a sold lead through the real fleet, on an invented town and on recorded Nashville rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fleet import TestFleet, fleet_of
from tests.e2e.nashville import CHECKED_BY_HAND

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARCELS = 200
KEYS = {
    "": {"version", "seed", "ok", "permits", "parcels", "prospects", "workflows", "leads", "sale",
         "outbox_unpublished", "dead_letters", "invariant_violations", "accuracy", "seconds", "pss_mb"},
    "permits": {"read", "stored", "updated", "duplicate", "rejected", "suppressed_addresses"},
    "workflows": {"done", "failed", "waiting"},
    "leads": {"A", "B", "C", "D", "onsite_check", "review"},
    "jobs": {"permits", "weather", "prospecting", "enrichment"},
    "events": {"permit.scraped", "property.scraped", "enrichment.completed"},
    "sale": {"lead_id", "reserved_at", "charged_cents", "charges", "revealed_at"},
    "accuracy": {"condition", "suppression"},
    "seconds": {"setup", "activate", "workflows", "sale", "total"},
}  # fmt: skip
IN_CITY = "city_id = (SELECT id FROM target_cities WHERE city = %s)"


@pytest.fixture(scope="module")
def fleet(
    own_database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestFleet]:
    with fleet_of(own_database_url, redis_url, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def demo(fleet: TestFleet) -> dict[str, Any]:
    """The figures of a demo on a small town; the fleet stays up behind it."""
    fleet.call("demo", "--parcels", str(PARCELS), seconds=420)
    return fleet.demo()


def test_demo_goes_well_and_says_so_under_the_agreed_keys(demo: dict[str, Any]) -> None:
    assert demo["ok"] is True
    for part, keys in KEYS.items():
        assert keys <= set(demo[part] if part else demo), part
    assert set(demo["accuracy"]["condition"]) == {"value", "n"}
    assert set(demo["accuracy"]["suppression"]) == {"precision", "recall", "n"}


def test_the_sold_leads_sheet_is_written_as_a_pdf(demo: dict[str, Any], fleet: TestFleet) -> None:
    assert demo["ok"] is True
    assert (fleet.home / "demo-sheet.pdf").read_bytes().startswith(b"%PDF-")


def test_counts_add_up(demo: dict[str, Any], fleet: TestFleet) -> None:
    permits = demo["permits"]
    assert permits["read"] == sum(permits[name] for name in ("stored", "updated", "duplicate", "rejected"))
    assert permits["stored"] == fleet.one("SELECT count(*) FROM roofing_permits")
    assert demo["parcels"] == PARCELS
    assert (
        demo["prospects"] == fleet.one("SELECT count(*) FROM base_leads") == sum(demo["workflows"].values())
    )
    assert demo["workflows"]["failed"] == 0
    published = fleet.one("SELECT count(*) FROM base_leads WHERE status IN ('available', 'reserved', 'sold')")
    assert sum(demo["leads"].values()) - demo["leads"]["review"] == published > 0
    waiting = "SELECT count(*) FROM validation_tasks WHERE state = 'open'"
    assert demo["leads"]["review"] == fleet.one(waiting)


def test_house_with_a_recent_roof_is_no_prospect(demo: dict[str, Any], fleet: TestFleet) -> None:
    assert demo["permits"]["suppressed_addresses"] == fleet.one(
        "SELECT count(*) FROM parcels WHERE suppressed_until > current_date"
    )
    sold_new_roofs = fleet.one(
        "SELECT count(*) FROM base_leads l JOIN parcels p ON p.id = l.parcel_id WHERE p.suppressed_until > current_date"
    )
    assert sold_new_roofs == 0
    assert demo["accuracy"]["suppression"]["precision"] >= 0.98
    assert demo["accuracy"]["suppression"]["n"] == PARCELS


def test_lead_is_sold_once_charged_once_and_revealed(demo: dict[str, Any], fleet: TestFleet) -> None:
    (sale,) = fleet.rows("SELECT * FROM sales")
    assert (str(sale["base_lead_id"]), sale["status"]) == (demo["sale"]["lead_id"], "sold")
    assert demo["sale"]["charges"] == 1
    assert demo["sale"]["charged_cents"] == sale["charged_cents"] == int(sale["price"] * 100)
    assert fleet.one("SELECT status FROM base_leads WHERE id = %s", sale["base_lead_id"]) == "sold"
    # The page and the sheet that the demo writes.
    assert fleet.one("SELECT count(*) FROM audit_log WHERE action = 'lead.reveal'") == 2


def test_no_threshold_was_lowered(demo: dict[str, Any], fleet: TestFleet) -> None:
    bold = fleet.one(
        "SELECT count(*) FROM base_leads l JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current"
        " WHERE l.status IN ('available', 'reserved', 'sold') AND NOT coalesce(a.human_validated, false)"
        "   AND a.calibrated_confidence < CASE WHEN l.publish_label = 'onsite_check' THEN 0.70 ELSE 0.95 END"
    )
    assert bold == 0


def test_commands_show_what_was_found(demo: dict[str, Any], fleet: TestFleet) -> None:
    leads = [json.loads(line) for line in fleet.call("leads", "--json", "--city", "Harrow, TX").splitlines()]
    assert leads
    assert not any("owner" in name for name in leads[0])
    assert "Harrow, TX: done" in fleet.call("progress", "Harrow, TX")
    assert json.loads(fleet.call("truth", "--json"))["suppression"]["n"] == PARCELS
    assert json.loads(fleet.call("models", "--json").splitlines()[0])
    assert json.loads(fleet.call("source", "check", "Harrow, TX", "--json"))["usable"] is True
    assert "not a target city" in fleet_refusal(fleet, "activate", "Nowhere, TX")


def fleet_refusal(fleet: TestFleet, *words: str) -> str:
    process = fleet.start(*words)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in complained
    return complained


@pytest.fixture(scope="module")
def nashville(demo: dict[str, Any], fleet: TestFleet, handed_over: Path) -> dict[str, Any]:
    """The activation of Nashville on recorded permits and storms."""
    bulk, daily = handed_over / "data" / "storm" / "ncei_bulk", handed_over / "data" / "storm" / "spc_daily"
    storms = [
        *bulk.glob("*details*_d1993_*"),
        *bulk.glob("*details*_d2017_*"),
        *daily.glob("2013_0531_*.csv"),
    ]
    first = json.loads(fleet.call("import", "storms", *map(str, storms)))
    assert first["read"] == sum(first[name] for name in ("stored", "updated", "duplicate", "rejected"))
    assert first["stored"] > 10_000
    again = json.loads(fleet.call("import", "storms", *map(str, storms)))
    assert (again["stored"], again["updated"]) == (0, 0)
    folder = handed_over / "data" / "permits" / "arcgis_hub"
    found: dict[str, Any] = json.loads(
        fleet.call("activate", "Nashville, TN", "--replay", str(folder), "--json", seconds=240)
    )
    return found


def test_recorded_city_is_worked_through_and_counts_add_up(
    nashville: dict[str, Any], fleet: TestFleet
) -> None:
    counts = {step["name"]: step["counts"] for step in nashville["steps"]}
    permits = counts["permits"]
    assert permits["read"] == 3597
    assert permits["read"] == sum(permits[name] for name in ("stored", "updated", "duplicate", "rejected"))
    assert counts["parcels"]["derived"] == fleet.one(
        f"SELECT count(*) FROM parcels WHERE {IN_CITY}", "Nashville"
    )
    judged = [
        value
        for name, value in counts["prospecting"].items()
        if name in ("candidates", "no_reason") or name.startswith("excluded_")
    ]
    assert sum(judged) == counts["parcels"]["derived"]
    assert counts["prospecting"]["excluded_recent_roof"] >= counts["parcels"]["suppressed_addresses"] > 50
    assert nashville["properties"]["total"] == counts["prospecting"]["inserted"] > 0
    assert nashville["properties"]["done"] == nashville["properties"]["total"]


def test_recorded_leads_are_scored_and_not_published(nashville: dict[str, Any], fleet: TestFleet) -> None:
    leads = fleet.rows(f"SELECT id, quality_score, status FROM base_leads WHERE {IN_CITY}", "Nashville")
    assert len(leads) == nashville["properties"]["total"]
    assert all(lead["quality_score"] is not None for lead in leads)
    assert not any(lead["status"] in ("available", "reserved", "sold") for lead in leads)


def test_imagery_and_contacts_are_skipped_with_their_reasons(
    nashville: dict[str, Any], fleet: TestFleet
) -> None:
    rows = fleet.rows(
        f"SELECT s.name, s.status, s.reason FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id"
        f" JOIN base_leads l ON l.id = w.subject_id WHERE w.kind = 'property' AND l.{IN_CITY}"
        f"  AND s.name IN ('imagery', 'enrich_contact', 'scrape_property')",
        "Nashville",
    )
    assert rows
    assert {row["status"] for row in rows} == {"skipped"}
    assert all("replayed" in row["reason"] for row in rows)


def test_suppression_is_right_on_twenty_rows_checked_by_hand(
    nashville: dict[str, Any], fleet: TestFleet
) -> None:
    rows = fleet.rows(
        "SELECT p.permit_number, q.suppressed_until IS NOT NULL AND q.suppressed_until > current_date AS suppressed"
        "  FROM roofing_permits p JOIN parcels q ON q.state = p.state AND q.address_key = p.address_key"
        " WHERE p.permit_number = ANY (%s)",
        list(CHECKED_BY_HAND),
    )
    assert {row["permit_number"]: row["suppressed"] for row in rows} == CHECKED_BY_HAND
    assert len(CHECKED_BY_HAND) == 20
