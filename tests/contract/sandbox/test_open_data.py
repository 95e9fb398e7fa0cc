"""Socrata and ArcGIS answers have the portals' shapes and oddities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.sandbox.conftest import MatchesContract

PERMITS = "/socrata/resource/h4rw-p7mt.json"
SERVER = "/arcgis/rest/services"
PARCELS = f"{SERVER}/Harrow_Parcels/FeatureServer/0"
ELLERY = f"{SERVER}/Ellery_Permits/FeatureServer/0"


async def rows(client: httpx.AsyncClient, **parameters: str) -> list[dict[str, Any]]:
    answer = await client.get(PERMITS, params={f"${name}": value for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def query(client: httpx.AsyncClient, layer: str = ELLERY, **parameters: str) -> dict[str, Any]:
    answer = await client.get(f"{layer}/query", params={"f": "json", **parameters})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_socrata_answers_match_the_contract(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    good = await client.get(PERMITS, params={"$order": ":id", "$limit": "5"})
    bad = await client.get(PERMITS, params={"$where": "nope = 1"})
    view = await client.get("/socrata/api/views/h4rw-p7mt.json")
    matches_contract("socrata", "get", "/resource/{dataset}.json", 200, good.json())
    matches_contract("socrata", "get", "/resource/{dataset}.json", 400, bad.json())
    matches_contract("socrata", "get", "/api/views/{dataset}.json", 200, view.json())
    assert bad.json()["code"] == "query.soql.no-such-column"


async def test_socrata_writes_everything_as_text_and_leaves_nulls_out(client: httpx.AsyncClient) -> None:
    found = await rows(client, limit="2000", order=":id")
    assert all(isinstance(value, str) for row in found for value in row.values())
    assert any("total_job_valuation" not in row for row in found)
    assert any("original_zip" not in row for row in found)
    assert all(row["issue_date"].endswith("T00:00:00.000") for row in found), "local wall time, no zone"
    assert not any(key.startswith(":") for row in found for key in row)


async def test_socrata_system_fields_come_only_when_asked_and_are_utc(client: httpx.AsyncClient) -> None:
    (row,) = await rows(client, select=":*,*", limit="1", order=":updated_at DESC,:id")
    assert row[":updated_at"].endswith("Z")
    assert {":id", ":created_at", "permit_number"} <= set(row)


async def test_socrata_pages_with_order_hold_every_row_once(client: httpx.AsyncClient) -> None:
    (counted,) = await rows(client, select="count(*)")
    ids: list[str] = []
    for offset in range(0, int(counted["count"]) + 400, 400):
        page = await rows(client, select=":id", order=":id", limit="400", offset=str(offset))
        ids += [row[":id"] for row in page]
    assert len(ids) == len(set(ids)) == int(counted["count"])


async def test_socrata_pages_without_order_lose_and_double_rows(client: httpx.AsyncClient) -> None:
    pages = [await rows(client, select=":id", limit="500", offset=str(offset)) for offset in (0, 500, 1000)]
    ids = [row[":id"] for page in pages for row in page]
    assert len(set(ids)) < len(ids)


async def test_socrata_keyset_goes_on_where_it_stopped(client: httpx.AsyncClient) -> None:
    first = await rows(client, select=":id,:updated_at", order=":updated_at,:id", limit="900")
    last = first[-1][":updated_at"]
    rest = await rows(
        client, select=":id", where=f":updated_at > '{last}'", order=":updated_at,:id", limit="50000"
    )
    (counted,) = await rows(client, select="count(*)")
    ties = [row for row in first if row[":updated_at"] == last]
    assert 0 <= int(counted["count"]) - 900 - len(rest) <= len(ties) + 5


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"$limit": "50001"}, 400, "query.limit.out-of-range"),
        ({"$limit": "x"}, 400, "query.soql.malformed-integer"),
        ({"$where": "issue_date >"}, 400, "query.compiler.malformed"),
        ({"$frobnicate": "1"}, 400, "query.soql.unsupported"),
        ({"$$app_token": "bad"}, 403, "permission_denied"),
    ],
)
async def test_socrata_refuses_in_its_own_words(
    client: httpx.AsyncClient, parameters: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get(PERMITS, params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_socrata_knows_only_its_dataset(client: httpx.AsyncClient) -> None:
    answer = await client.get("/socrata/resource/aaaa-bbbb.json")
    assert (answer.status_code, answer.json()["code"]) == (404, "dataset.missing")


async def test_socrata_filters_and_searches(client: httpx.AsyncClient) -> None:
    recent = await rows(
        client, where="issue_date >= '2026-08-01T00:00:00'", order="issue_date,:id", limit="5000"
    )
    assert recent
    assert all(row["issue_date"] >= "2026-08-01" for row in recent)
    found = await rows(client, q="solar", limit="5000", order=":id")
    assert found
    assert all("solar" in " ".join(row.values()).lower() for row in found)


async def test_arcgis_answers_match_the_contract(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    info = (await client.get(PARCELS, params={"f": "json"})).json()
    matches_contract("arcgis_featureserver", "get", "/{layer}", 200, info)
    page = await query(client, where="1=1", outFields="*", outSR="4326", resultRecordCount="3")
    count = await query(client, where="1=1", returnCountOnly="true")
    error = await query(client, where="Nope = 1")
    for body in (page, count, error):
        matches_contract("arcgis_featureserver", "get", "/{layer}/query", 200, body)
    assert error["error"]["code"] == 400


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, 400),
        ({"where": "1=1", "token": "bad"}, 498),
        ({"where": "1=1", "outFields": "nope"}, 400),
        ({"where": "1=1", "orderByFields": "nope"}, 400),
        ({"where": "1=1", "resultOffset": "-1"}, 400),
        ({"geometry": "{nonsense"}, 400),
    ],
)
async def test_arcgis_errors_hide_in_http_200(
    client: httpx.AsyncClient, parameters: dict[str, str], code: int
) -> None:
    assert (await query(client, **parameters))["error"]["code"] == code


async def test_arcgis_without_format_answers_a_web_page(client: httpx.AsyncClient) -> None:
    answer = await client.get(ELLERY)
    assert answer.headers["content-type"].startswith("text/html")


async def test_polygon_pages_are_short_and_the_flag_not_the_count_ends_them(
    client: httpx.AsyncClient,
) -> None:
    seen: list[str] = []
    more = True
    while more:
        page = await query(
            client,
            PARCELS,
            where="1=1",
            outFields="APN",
            outSR="4326",
            orderByFields="OBJECTID ASC",
            resultOffset=str(len(seen)),
            resultRecordCount="1000",
        )
        assert len(page["features"]) <= 250
        seen += [feature["attributes"]["APN"] for feature in page["features"]]
        more = page.get("exceededTransferLimit", False)
    assert len(seen) == len(set(seen)) == 600


async def test_dates_are_epoch_milliseconds_of_local_midnight(client: httpx.AsyncClient) -> None:
    page = await query(
        client,
        where="Date_Entered >= TIMESTAMP '2026-01-01 05:00:00'",
        outFields="Date_Entered",
        returnGeometry="false",
    )
    stamps = [feature["attributes"]["Date_Entered"] for feature in page["features"]]
    assert stamps
    assert all(stamp >= 1767225600000 and stamp % 3_600_000 == 0 for stamp in stamps)
    assert {stamp // 3_600_000 % 24 for stamp in stamps} <= {4, 5}, "midnight in New York, summer and winter"


async def test_default_reference_is_web_mercator(client: httpx.AsyncClient) -> None:
    metres = await query(client, where="ObjectId = 1", outFields="ObjectId")
    degrees = await query(client, where="ObjectId = 1", outFields="ObjectId", outSR="4326")
    assert metres["spatialReference"]["wkid"] == 102100
    assert metres["features"][0]["geometry"]["x"] < -9_000_000
    assert -82.1 < degrees["features"][0]["geometry"]["x"] < -81.8


async def test_ids_and_id_ranges_replace_paging(client: httpx.AsyncClient) -> None:
    ids = (await query(client, where="1=1", returnIdsOnly="true"))["objectIds"]
    picked = await query(client, objectIds=",".join(str(n) for n in ids[10:13]), outFields="ObjectId")
    assert [feature["attributes"]["ObjectId"] for feature in picked["features"]] == ids[10:13]


async def test_point_query_finds_the_parcel_below_it(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    parcel = next(row for row in truth if row["kind"] == "single_family")
    found = await query(
        client,
        PARCELS,
        geometry=f"{parcel['longitude']},{parcel['latitude']}",
        geometryType="esriGeometryPoint",
        inSR="4326",
        outFields="APN",
        outSR="4326",
    )
    assert parcel["apn"] in [feature["attributes"]["APN"] for feature in found["features"]]
    assert len(found["features"]) <= 2


async def test_geojson_carries_the_flag_in_its_properties(client: httpx.AsyncClient) -> None:
    body = await query(client, PARCELS, f="geojson", where="1=1", outFields="APN")
    assert body["type"] == "FeatureCollection"
    assert body["properties"]["exceededTransferLimit"] is True
    ring = body["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]


async def test_query_can_be_posted_as_a_form(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        f"{ELLERY}/query", data={"f": "json", "where": "1=1", "returnCountOnly": "true"}
    )
    assert answer.json()["count"] > 500


async def test_parcels_hold_traps_and_truth(client: httpx.AsyncClient, truth: list[dict[str, Any]]) -> None:
    page = await query(client, PARCELS, where="OBJECTID <= 600", outFields="*", returnGeometry="false")
    parcels = [feature["attributes"] for feature in page["features"]]
    assert any(parcel["YR_BUILT"] == 0 for parcel in parcels)
    assert any(parcel["SALE_PRICE"] == 0 for parcel in parcels)
    assert any(parcel["HOA_NAME"] for parcel in parcels)
    by_apn = {row["apn"]: row for row in truth}
    for parcel in parcels:
        assert parcel["SITUS_ADDR"] == by_apn[parcel["APN"]]["address"]["line"]
        assert parcel["YR_BUILT"] in (0, by_apn[parcel["APN"]]["year_built"])


async def test_recorded_file_is_replayed_through_the_same_shape(
    client: httpx.AsyncClient, handed_over: Path, matches_contract: MatchesContract
) -> None:
    folder = handed_over / "data" / "permits" / "arcgis_hub"
    order = {"layer": "Nashville_Permits", "path": str(folder)}
    told = (await client.post("/_sandbox/replay", json=order)).json()
    assert told["rows"] == 3597
    page = await query(client, told["path"], where="1=1", outFields="*", outSR="4326", resultRecordCount="2")
    matches_contract("arcgis_featureserver", "get", "/{layer}/query", 200, page)
    first = page["features"][0]["attributes"]
    assert first["Permit__"] == "2023023374"
    assert first["Date_Entered"] == 1681189200000
    assert first["Date_Issued"] is None
    assert page["exceededTransferLimit"] is True


async def test_replay_of_nothing_is_refused(client: httpx.AsyncClient, tmp_path: Path) -> None:
    answer = await client.post("/_sandbox/replay", json={"layer": "Empty", "path": str(tmp_path)})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
