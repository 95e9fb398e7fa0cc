"""Assessor pages, storm files and the geocoder read as the real ones do."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from tests.contract.sandbox.conftest import TODAY, MatchesContract

NCEI = "/ncei/pub/data/swdi/stormevents/csvfiles"
CENSUS = "/census/geocoder/locations"
NOW = {"benchmark": "Public_AR_Current", "format": "json"}


async def test_assessor_finds_one_parcel_and_shows_it(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    row = next(parcel for parcel in truth if parcel["kind"] == "single_family")
    answer = await client.get("/assessor/harrow/search", params={"address": row["address"]["line"]})
    assert answer.status_code == 302
    page = await client.get(f"/assessor/harrow/{answer.headers['location'].partition('harrow/')[2]}")
    assert f"<td>{row['apn']}</td>" in page.text
    assert all(f"<table id='{name}'>" in page.text for name in ("general", "values", "building", "sales"))
    assert "noindex" not in page.text


async def test_assessor_lists_the_units_of_a_building(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    condo = next(parcel for parcel in truth if parcel["kind"] == "condo")["address"]
    street = condo["line"].rpartition(condo["unit"])[0].rstrip("# ").removesuffix("UNIT").removesuffix("APT")
    answer = await client.post("/assessor/harrow/search", data={"address": street})
    assert answer.status_code == 200
    assert answer.text.count("<a href='property/") >= 4


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/assessor/harrow/search?address=1%20NOWHERE%20ST", 200, "No records found."),
        ("/assessor/harrow/search?address=", 200, "Enter an address."),
        ("/assessor/harrow/property/999-999-99", 404, "does not exist"),
        ("/assessor/nowhere/search?address=1", 404, "does not exist"),
    ],
)
async def test_assessor_misses_politely(
    client: httpx.AsyncClient, path: str, status: int, words: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert words in answer.text


async def test_assessor_escapes_what_it_repeats(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assessor/<script>/owners")
    assert "<script>" not in answer.text


async def test_robots_close_the_name_index_and_can_be_changed(client: httpx.AsyncClient) -> None:
    assert "Disallow: /assessor/*/owners" in (await client.get("/robots.txt")).text
    await client.post("/_sandbox/robots", json={"status": 503, "body": ""})
    assert (await client.get("/robots.txt")).status_code == 503
    await client.post("/_sandbox/reset")
    assert (await client.get("/robots.txt")).status_code == 200


async def ncei_rows(client: httpx.AsyncClient, year: int) -> list[dict[str, str]]:
    listing = (await client.get(f"{NCEI}/")).text
    names = sorted(
        part.partition('"')[0] for part in listing.split('href="') if f"details-ftp_v1.0_d{year}_c" in part
    )
    answer = await client.get(f"{NCEI}/{names[-1]}")
    text = gzip.decompress(answer.content).decode("latin-1")
    return list(csv.DictReader(io.StringIO(text)))


async def test_ncei_listing_looks_like_apache_and_offers_two_publications(client: httpx.AsyncClient) -> None:
    listing = (await client.get(f"{NCEI}/")).text
    assert "Index of /pub/data/swdi/stormevents/csvfiles" in listing
    assert listing.count(f'href="StormEvents_details-ftp_v1.0_d{TODAY.year}_c') == 2
    assert "StormEvents_locations" in listing


async def test_ncei_rows_have_51_columns_and_the_files_units(client: httpx.AsyncClient) -> None:
    rows = [row for year in (2025, 2026) for row in await ncei_rows(client, year)]
    assert {len(row) for row in rows} == {51}
    assert {row["EVENT_TYPE"] for row in rows} == {"Hail", "Thunderstorm Wind", "Tornado", "Winter Weather"}
    newest = TODAY - timedelta(days=74)
    for row in rows:
        assert f"{row['BEGIN_YEARMONTH']}{int(row['BEGIN_DAY']):02d}" <= f"{newest:%Y%m%d}", (
            "younger is not published"
        )
        if row["EVENT_TYPE"] == "Hail":
            assert 0.5 <= float(row["MAGNITUDE"]) <= 3.0
        if row["EVENT_TYPE"] == "Thunderstorm Wind":
            assert row["MAGNITUDE_TYPE"] in ("EG", "MG")
        if row["CZ_TYPE"] == "Z":
            assert row["BEGIN_LAT"] == ""
    assert any("\n" in row["EVENT_NARRATIVE"] for row in rows)
    assert {row["CZ_TIMEZONE"] for row in rows} == {"CST-6", "EST-5", "MST-7"}


async def test_ncei_keeps_event_ids_and_misses_unknown_files(client: httpx.AsyncClient) -> None:
    first = {row["EVENT_ID"] for row in await ncei_rows(client, 2025)}
    again = {row["EVENT_ID"] for row in await ncei_rows(client, 2025)}
    assert first == again
    assert len(first) > 20
    missing = await client.get(f"{NCEI}/StormEvents_details-ftp_v1.0_d1901_c20200101.csv.gz")
    assert missing.status_code == 404


async def spc(client: httpx.AsyncClient, day: date, kind: str) -> httpx.Response:
    return await client.get(f"/spc/climo/reports/{day:%y%m%d}_rpts_{kind}.csv")


async def test_spc_reports_the_big_hail_in_hundredths_with_unquoted_commas(client: httpx.AsyncClient) -> None:
    days = [TODAY - timedelta(days=back) for back in range(45)]
    lines = [line for day in days for line in (await spc(client, day, "hail")).text.splitlines()[1:]]
    ours = [line for line in lines if ",ASHBY,TX," in line]
    assert ours
    assert max(int(line.split(",")[1]) for line in ours) >= 175
    assert all(len(line.split(",")) > 8 for line in ours), "comments hold commas nobody quoted"


async def test_spc_wind_is_sometimes_unknown_and_days_without_reports_are_headers(
    client: httpx.AsyncClient,
) -> None:
    speeds: list[str] = []
    empty = 0
    for back in range(0, 725, 3):
        text = (await spc(client, TODAY - timedelta(days=back), "wind")).text.splitlines()
        assert text[0] == "Time,Speed,Location,County,State,Lat,Lon,Comments"
        empty += len(text) == 1
        speeds += [line.split(",")[1] for line in text[1:]]
    assert empty > 50
    assert "UNK" in speeds
    assert any(speed.isdigit() and int(speed) >= 62 for speed in speeds)


async def test_spc_has_no_file_for_the_far_past_the_future_or_nonsense(client: httpx.AsyncClient) -> None:
    for day in (TODAY + timedelta(days=1), TODAY - timedelta(days=900)):
        assert (await spc(client, day, "hail")).status_code == 404
    assert (await client.get("/spc/climo/reports/269999_rpts_hail.csv")).status_code == 404


async def test_census_match_and_no_match_fit_the_contract(
    client: httpx.AsyncClient, truth: list[dict[str, Any]], matches_contract: MatchesContract
) -> None:
    path = "/geocoder/locations/onelineaddress"
    lines = [row["address"]["one_line"] for row in truth[:40]]
    answers = [
        (await client.get(f"{CENSUS}/onelineaddress", params={"address": line, **NOW})).json()
        for line in lines
    ]
    nothing = (
        await client.get(f"{CENSUS}/onelineaddress", params={"address": "1 Nowhere, Harrow, TX", **NOW})
    ).json()
    for body in (*answers, nothing):
        matches_contract("census_geocoder", "get", path, 200, body)
    found = sum(len(body["result"]["addressMatches"]) == 1 for body in answers)
    assert 33 <= found <= 40, "some new streets are unknown"
    assert nothing["result"]["addressMatches"] == []


async def test_census_points_are_on_the_street_not_on_the_roof(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    for row in truth[:30]:
        answer = await client.get(
            f"{CENSUS}/onelineaddress", params={"address": row["address"]["one_line"], **NOW}
        )
        for match in answer.json()["result"]["addressMatches"]:
            point = match["coordinates"]
            off = (
                (point["y"] - row["latitude"]) ** 2 + ((point["x"] - row["longitude"]) * 0.84) ** 2
            ) ** 0.5 * 111_000
            assert 5 < off < 40


async def test_census_reads_long_words_and_split_parts(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    row = next(
        p
        for p in truth
        if p["address"]["suffix"] == "ST"
        and p["address"]["predirectional"] == "E"
        and not p["address"]["unit"]
    )
    address = row["address"]
    typed = f"{address['number']} East {address['street'].title()} Street"
    split = {"street": typed, "city": "Harrow", "state": "TX", "zip": ""}
    answer = await client.get(f"{CENSUS}/address", params={**split, **NOW})
    matches = answer.json()["result"]["addressMatches"]
    assert [match["matchedAddress"] for match in matches] in (
        [],
        [f"{address['line']}, HARROW, TX, {address['zip5']}"],
    )


async def test_census_batch_answers_out_of_order_by_id(
    client: httpx.AsyncClient, truth: list[dict[str, Any]]
) -> None:
    rows = [(str(n), p["address"]["line"], "HARROW", "TX", "") for n, p in enumerate(truth[:50])]
    text = "".join(
        ",".join(f'"{cell}"' for cell in row) + "\n" for row in [*rows, ("x", "9 NO ST", "HARROW", "TX", "")]
    )
    answer = await client.post(
        f"{CENSUS}/addressbatch",
        files={"addressFile": ("a.csv", text)},
        data={"benchmark": "Public_AR_Current"},
    )
    back = list(csv.reader(io.StringIO(answer.text)))
    assert sorted(row[0] for row in back) == sorted([row[0] for row in rows] + ["x"])
    assert [row[0] for row in back] != [*(row[0] for row in rows), "x"]
    assert {row[2] for row in back} <= {"Match", "No_Match", "Tie"}
    longitude, latitude = next(row for row in back if row[2] == "Match")[5].split(",")
    assert float(longitude) < -98
    assert 32 < float(latitude) < 33


@pytest.mark.parametrize("parameters", [{"address": "", **NOW}, {"address": "1 Main St, Harrow, TX"}])
async def test_census_refuses_in_its_own_words(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    answer = await client.get(f"{CENSUS}/onelineaddress", params=parameters)
    assert answer.status_code == 400
    assert set(answer.json()) == {"errors", "status"}


AGENT = {"user-agent": "Ridgeline/0.1 (+https://ridgeline.example/bot; bot@ridgeline.example)"}
WEEK = {"start": f"{TODAY - timedelta(days=7)}T00:00:00Z", "end": f"{TODAY}T23:59:59Z"}


async def test_alerts_have_their_shape_and_most_have_no_geometry(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    answer = await client.get("/nws/alerts", params=WEEK, headers=AGENT)
    body = answer.json()
    matches_contract("weather_gov", "get", "/alerts", 200, body)
    shapes = [feature["geometry"] is None for feature in body["features"]]
    assert shapes.count(True) > shapes.count(False) > 0
    messages = {feature["properties"]["messageType"] for feature in body["features"]}
    assert messages == {"Alert", "Update"}


async def test_alerts_come_in_pages_and_only_to_those_who_say_who_they_are(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nws/alerts", params=WEEK, headers={"user-agent": "x"})).status_code == 403
    first = (await client.get("/nws/alerts", params={**WEEK, "limit": 20}, headers=AGENT)).json()
    rest = (await client.get(first["pagination"]["next"], headers=AGENT)).json()
    ids = [feature["id"] for page in (first, rest) for feature in page["features"]]
    assert len(ids) == len(set(ids)) > 20


async def test_a_local_report_is_listed_and_read_as_text(
    client: httpx.AsyncClient, matches_contract: MatchesContract
) -> None:
    listed = (await client.get("/nws/products", params={"type": "LSR", **WEEK}, headers=AGENT)).json()
    matches_contract("weather_gov", "get", "/products", 200, listed)
    product = (await client.get(f"/nws/products/{listed['@graph'][0]['id']}", headers=AGENT)).json()
    matches_contract("weather_gov", "get", "/products/{productId}", 200, product)
    assert "PRELIMINARY LOCAL STORM REPORT" in product["productText"]
    assert (await client.get("/nws/products/none", headers=AGENT)).status_code == 404


async def test_swdi_has_longitude_first_and_no_number_but_hails(client: httpx.AsyncClient) -> None:
    span = f"{TODAY - timedelta(days=90):%Y%m%d}:{TODAY:%Y%m%d}"
    text = (await client.get(f"/swdi/swdiws/xml/plsr/{span}")).text
    assert text.count("<result>") > 10
    assert "<event>HAIL</event><magnitude>-9999" not in text
    assert "<event>TSTM WND DMG</event><magnitude>-9999" in text
    assert "POINT (-" in text
    assert (await client.get("/swdi/swdiws/xml/plsr/x:y")).status_code == 400
