"""Every handed-over file of permits, ArcGIS answers and addresses through the importer; counts read from the files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from sqlalchemy import text

from services.scraper.formats.field_map import PermitSource
from services.scraper.imports import import_permits
from services.scraper.ingest import IngestReport
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from tests.architecture.source import ROOT

PERMITS = "data/permits/"
SPEARFISH = f"{PERMITS}report_csv/spearfish_sd_permits_part1.csv"
LA_REROOFS = f"{PERMITS}reroof/la_commercial_reroofs_part1.csv"
DFW = f"{PERMITS}scraped_csv/dfw_suburbs_2025.csv"
ONTARIO = f"{PERMITS}accela_export/ontario_ca_RecordList20250811_part1.csv"
SOUTHLAKE = f"{PERMITS}energov/southlake_tx_energov_export_part1.csv"
DENVER = f"{PERMITS}report_csv/denver_cpd_2015_04.csv"

# file, whose export it is, rows read, permits stored, rows of a number seen before, why the others were not kept
READ: tuple[tuple[str, str | None, int, int, int, dict[str, int]], ...] = (
    (DENVER, None, 1495, 1495, 0, {}),
    (SPEARFISH, None, 3137, 3107, 24, {
        "address_unreadable": 1, "address_without_number": 4, "missing_permit_number": 1}),
    (LA_REROOFS, None, 446, 444, 0, {"missing_date": 2}),
    (DFW, None, 607, 536, 0, {"address_unreadable": 7, "address_without_number": 1, "missing_date": 63}),
    (ONTARIO, "Ontario, CA", 1521, 1302, 0, {
        "address_unreadable": 4, "address_without_number": 83, "draft": 89, "missing_address": 43}),
    (SOUTHLAKE, "Southlake, TX", 300, 263, 0, {"missing_date": 37}),
    (f"{PERMITS}change_feed/austin_weekly_report_2026-04-06.json", None, 450, 50, 0, {"status_change_only": 400}),
    (f"{PERMITS}socrata_csv/austin_3syk-w9eu_sample_part1.csv", None, 3000, 0, 0, {"missing_permit_number": 3000}),
    (f"{PERMITS}socrata_csv/nyc_dobjobs.csv", None, 100, 55, 0, {"missing_date": 45}),
    (f"{PERMITS}socrata_json/nyc_dob_permit_issuance_ipu4-2q9a.json", None, 10, 10, 0, {}),
)  # fmt: skip

REFUSED = {
    f"{PERMITS}socrata_columns.json": "column_lists",
    "data/arcgis_json/us-fl-polk-0.json": "arcgis_features_without_permits",
    "data/arcgis_json/us-fl-polk-metadata.json": "arcgis_layer_metadata",
    "data/arcgis_json/us-il-cook-page-full.json": "arcgis_features_without_permits",
    "data/arcgis_json/us-mo-columbia-0.json": "arcgis_features_without_permits",
    "data/arcgis_json/us-mo-columbia-metadata.json": "arcgis_layer_metadata",
    "data/arcgis_json/us-tx-waco-0.json": "arcgis_features_without_permits",
    "data/arcgis_json/us-tx-waco-count-only.json": "arcgis_count_only",
    "data/arcgis_json/us-tx-waco-metadata.json": "arcgis_layer_metadata",
    "data/addresses/usaddress_labeled.xml": "xml_instead_of_data",
    "data/addresses/usaddress_multi_word_state_addresses.xml": "xml_instead_of_data",
    "data/addresses/usaddress_unparseable_part1.csv": "unknown_format",
    "data/addresses/usaddress_us50_messiest_manual_label.xml": "xml_instead_of_data",
    "data/addresses/usaddress_us50_train_tagged.xml": "xml_instead_of_data",
}
# Read by test_real_files.py.
ELSEWHERE = ("accela_v4/", "arcgis_hub/", "chicago_compact/", "socrata_csv/chicago_portal_2016_part1.csv")


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    assert report.adds_up()
    return report.read, report.stored, report.updated, report.duplicate, report.rejected


async def values(sessions: SessionMaker, statement: str) -> tuple[Any, ...]:
    async with sessions() as session:
        return tuple((await session.execute(text(statement))).one())


def test_no_file_is_left_out(handed_over: Path) -> None:
    files = {
        path.relative_to(handed_over).as_posix()
        for folder in ("permits", "arcgis_json", "addresses")
        for path in (handed_over / "data" / folder).rglob("*")
        if path.is_file()
    }
    elsewhere = {name for name in files if name.removeprefix(PERMITS).startswith(ELSEWHERE)}
    assert files - elsewhere == {name for name, *_ in READ} | REFUSED.keys()


@pytest.mark.parametrize(
    ("name", "jurisdiction", "read", "stored", "again", "reasons"),
    READ,
    ids=[row[0].rpartition("/")[2] for row in READ],
)
async def test_a_file_is_stored_once(
    *,
    handed_over: Path,
    unit_of_work: UnitOfWorkFactory,
    name: str,
    jurisdiction: str | None,
    read: int,
    stored: int,
    again: int,
    reasons: dict[str, int],
) -> None:
    rejected = sum(reasons.values())
    first = await import_permits([handed_over / name], unit_of_work, jurisdiction=jurisdiction)
    assert (counts(first), first.reasons) == ((read, stored, 0, again, rejected), reasons)
    second = await import_permits([handed_over / name], unit_of_work, jurisdiction=jurisdiction)
    assert counts(second) == (read, 0, 0, stored + again, rejected)


@pytest.mark.parametrize("name", REFUSED, ids=[name.rpartition("/")[2] for name in REFUSED])
async def test_a_file_without_permits_is_named_as_what_it_is(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, name: str
) -> None:
    report = await import_permits([handed_over / name], unit_of_work)
    assert (counts(report), report.reasons) == ((1, 0, 0, 0, 1), {REFUSED[name]: 1})


@pytest.mark.parametrize("name", [ONTARIO, SOUTHLAKE])
async def test_the_export_of_a_common_software_waits_for_its_city(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, name: str
) -> None:
    report = await import_permits([handed_over / name], unit_of_work)
    assert report.reasons == {"jurisdiction_unknown": 1}
    assert "--jurisdiction" in report.notes[0]


async def test_a_cut_denver_report_is_refused_as_a_whole(
    handed_over: Path, tmp_path: Path, unit_of_work: UnitOfWorkFactory
) -> None:
    lines = (handed_over / DENVER).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "denver.csv"
    cut.write_bytes(b"".join(lines[:700] + lines[710:]))
    report = await import_permits([cut], unit_of_work)
    assert (counts(report), report.reasons) == ((1, 0, 0, 0, 1), {"truncated_report": 1})


async def test_a_lists_re_roofs_are_dated_by_their_issue_also_where_they_expired_before(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    with (handed_over / LA_REROOFS).open(newline="", encoding="utf-8") as file:
        days = [
            [row[f"reroof_permit_{name}_date"].split("/") for name in ("issue", "expiration")]
            for row in csv.DictReader(file)
        ]
    early = sum(
        1 for issued, expired in days if len(issued) == len(expired) == 3
        and (expired[2], expired[0], expired[1]) < (issued[2], issued[0], issued[1])
    )  # fmt: skip
    assert early == 42
    await import_permits([handed_over / LA_REROOFS], unit_of_work)
    found = await values(
        committed_db,
        "SELECT count(*) FILTER (WHERE reroof), count(*) FILTER (WHERE reroof AND issue_date IS NULL),"
        " count(*) FILTER (WHERE permit_type = 'Re-roof') FROM roofing_permits",
    )
    assert found == (438, 0, 444)


async def test_the_suburbs_keep_their_own_numbers_and_mended_texts(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    await import_permits([handed_over / DFW], unit_of_work)
    found = await values(
        committed_db,
        "SELECT count(DISTINCT jurisdiction), count(*) FILTER (WHERE jurisdiction = 'Grapevine, TX'),"
        " count(estimated_value), count(*) FILTER (WHERE work_description ~ '\u00e2\u20ac'),"
        " max(work_description) FILTER (WHERE permit_number = 'ECHR-0925-1899') FROM roofing_permits",
    )
    assert found[:4] == (4, 257, 0, 0)
    assert str(found[4]).startswith("M Mechanical () 0HVAC Changeout - Replace 1 full HVAC system.")


def test_the_seeded_field_maps_name_columns_that_the_datasets_have(handed_over: Path) -> None:
    lists = orjson.loads((handed_over / f"{PERMITS}socrata_columns.json").read_bytes())
    cities = yaml.safe_load((ROOT / "db/seeds/city_sources.yaml").read_text(encoding="utf-8"))
    feeds = [feed for city in cities for feed in city["permit_sources"] if feed.get("dataset_id") in lists]
    assert "chicago_il_permits" in {feed["key"] for feed in feeds}
    for feed in feeds:
        there = {column["field"] for column in lists[feed["dataset_id"]]["columns"]}
        source = PermitSource.from_config(feed["key"], feed, city="", state="", time_zone="UTC")
        assert source.missing_columns(there) == [], feed["key"]
        assert there.intersection(source.fields["issue_date"]), feed["key"]
