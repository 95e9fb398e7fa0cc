"""Every handed-over answer of a business directory through the importer: the id is kept, the rest left out by its term."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.contractor_acquisition.imports import ListingReport, UnknownCity, import_listings
from shared.cli.main import build
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory

CONTRACTORS = "data/contractors/"
GOOGLE, YELP = f"{CONTRACTORS}google_places_legacy/maps_http_", f"{CONTRACTORS}yelp/yelp_"
SEARCH = f"{YELP}v3_business_search.json"
# File, companies in it, and why none of them is kept: the recordings were made of cafés.
FILES = {
    f"{GOOGLE}places_textsearch_response.json": (20, {"no_roofer": 20}),
    f"{GOOGLE}places_details_fields_response.json": (1, {"missing_listing_id": 1}),
    f"{GOOGLE}geocode_reverse_response.json": (1, {"google_geocoder_answer": 1}),
    f"{CONTRACTORS}google_places_new_one_place.json": (1, {"no_roofer": 1}),
    f"{YELP}v2_business.json": (1, {"no_roofer": 1}),
    f"{YELP}v2_phone_search.json": (1, {"no_roofer": 1}),
    f"{YELP}v2_search.json": (20, {"no_roofer": 20}),
    f"{YELP}v3_business_lookup_yelp_san_francisco.json": (1, {"no_roofer": 1}),
    SEARCH: (20, {"no_roofer": 20}),
}
# As if the companies of a recording were roofers: which field is theirs to say so, and what it says.
ROOFERS: tuple[tuple[str, str, Any, str, int], ...] = (
    (f"{GOOGLE}places_textsearch_response.json", "results", ["roofing_contractor"], "place_id", 20),
    (f"{CONTRACTORS}google_places_new_one_place.json", "places", ["roofing_contractor"], "place_id", 1),
    (f"{YELP}v2_search.json", "businesses", [["Roofing", "roofing"]], "business_id", 20),
    (SEARCH, "businesses", [{"alias": "roofing", "title": "Roofing"}], "business_id", 20),
)


def adds_up(report: ListingReport) -> bool:
    parts = report.stored + report.duplicate + report.rejected
    return report.read == parts and report.rejected == sum(report.reasons.values())


async def stored(sessions: SessionMaker) -> list[Any]:
    async with sessions() as session:
        return list(
            (await session.execute(text("SELECT * FROM contractor_listings ORDER BY listing_id"))).all()
        )


def of_roofers(folder: Path, file: Path, key: str, trade: Any) -> tuple[Path, list[dict[str, Any]]]:
    answer = orjson.loads(file.read_bytes())
    for row in answer[key]:
        row["categories" if key == "businesses" else "types"] = trade
    copy = folder / file.name
    copy.write_bytes(orjson.dumps(answer))
    return copy, answer[key]


def test_no_file_is_left_out(handed_over: Path) -> None:
    there = (path for path in (handed_over / CONTRACTORS).rglob("*") if path.is_file())
    assert {path.relative_to(handed_over).as_posix() for path in there} == FILES.keys()


async def test_who_is_no_roofer_is_not_kept(
    handed_over: Path, unit_of_work: UnitOfWorkFactory, committed_db: SessionMaker
) -> None:
    for name, (read, reasons) in FILES.items():
        report = await import_listings([handed_over / name], unit_of_work)
        assert (report.read, report.stored, dict(report.reasons)) == (read, 0, reasons), name
        assert adds_up(report), name
    assert await stored(committed_db) == []


@pytest.mark.parametrize(
    ("name", "key", "trade", "kept", "count"), ROOFERS, ids=[row[0].rpartition("/")[2] for row in ROOFERS]
)
async def test_of_a_roofer_the_id_is_kept_and_nothing_else(
    *,
    handed_over: Path,
    tmp_path: Path,
    unit_of_work: UnitOfWorkFactory,
    committed_db: SessionMaker,
    name: str,
    key: str,
    trade: Any,
    kept: str,
    count: int,
) -> None:
    file, rows = of_roofers(tmp_path, handed_over / name, key, trade)
    first = await import_listings([file], unit_of_work, city="Austin, TX")
    assert (first.read, first.stored, dict(first.kept)) == (count, count, {kept: count})
    assert {"rating", "location"} & first.left_out.keys()
    assert kept not in first.left_out
    [remark] = first.remarks
    assert f"kept {kept}, the rest left out by" in remark
    again = await import_listings([file], unit_of_work)
    assert (again.read, again.stored, again.duplicate) == (count, 0, count)
    found = await stored(committed_db)
    assert [row.listing_id for row in found] == sorted(row.get("id") or row["place_id"] for row in rows)
    assert all(row.city_id is not None for row in found)
    assert set(found[0]._fields) == {"id", "directory", "listing_id", "city_id", "found_at"}


async def test_an_unknown_city_and_an_error_answer_are_named(
    tmp_path: Path, unit_of_work: UnitOfWorkFactory
) -> None:
    with pytest.raises(UnknownCity):
        await import_listings([], unit_of_work, city="Atlantis, GA")
    for number, (answer, reason) in enumerate(
        [
            ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, "error_answer"),
            ({"error": {"code": "ACCESS_LIMIT_REACHED"}}, "error_answer"),
            ({"status": "OVER_QUERY_LIMIT", "results": [], "html_attributions": []}, "error_answer"),
            ({"permits": []}, "unknown_format"),
            ([], "unknown_format"),
        ]
    ):
        file = tmp_path / f"{number}.json"
        file.write_bytes(orjson.dumps(answer))
        assert dict((await import_listings([file], unit_of_work)).reasons) == {reason: 1}


async def test_the_command_prints_what_was_kept_and_by_which_term_the_rest_was_not(
    handed_over: Path,
    tmp_path: Path,
    committed_db: SessionMaker,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    file, _ = of_roofers(tmp_path, handed_over / SEARCH, "businesses", [{"alias": "roofing"}])
    result = await asyncio.to_thread(CliRunner().invoke, build(), ["import", "listings", str(file)])
    assert result.exception is None, result.exception
    told = orjson.loads(result.stdout)
    assert (told["read"], told["stored"], told["kept"]) == (20, 20, {"business_id": 20})
    assert told["left_out"]["phone"] == 20
    assert "left out by Yelp API terms" in result.stderr
