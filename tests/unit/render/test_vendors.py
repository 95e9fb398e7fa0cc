"""Catalogue and street vendor without a network."""

from __future__ import annotations

import io
import json
import math
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from fastapi import FastAPI
from PIL import Image

from shared.sandbox.settings import SandboxSettings
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Town
from shared.sandbox.vendors import stac, streetview

TODAY = date(2026, 11, 22)
SEARCH = "/stac/api/stac/v1/search"
METADATA = "/streetview/maps/api/streetview/metadata"
IMAGE = "/streetview/maps/api/streetview"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(SandboxSettings(today=TODAY, parcels=300))


@pytest.fixture(scope="module")
def town(sandbox: Sandbox) -> Town:
    town = sandbox.towns.named("Harrow", "TX")
    assert town is not None
    return town


@pytest_asyncio.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(stac.router(sandbox))
    app.include_router(streetview.router(sandbox))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox") as client:
        yield client


def building_where(town: Town, wanted: range) -> int:
    """A building whose seed falls into a share of the hundred."""
    return next(b for b, seed in enumerate(town.roofs.seed) if int(seed) % 100 in wanted)


def at(town: Town, building: int) -> tuple[float, float]:
    return town.position(town.first_parcel(building))


async def items_at(client: httpx.AsyncClient, town: Town, building: int, **more: Any) -> dict[str, Any]:
    latitude, longitude = at(town, building)
    point = {"type": "Point", "coordinates": [longitude, latitude]}
    answer = await client.post(SEARCH, json={"collections": ["naip"], "intersects": point, **more})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def fetched(client: httpx.AsyncClient, href: str) -> httpx.Response:
    signed = (await client.get("/stac/api/sas/v1/sign", params={"href": href})).json()["href"]
    return await client.get(signed)


async def test_a_point_has_three_flights_newest_first(client: httpx.AsyncClient, town: Town) -> None:
    found = await items_at(client, town, building_where(town, range(20, 99)))
    days = [item["properties"]["datetime"] for item in found["features"]]
    assert days == sorted(days, reverse=True)
    assert [item["properties"]["gsd"] for item in found["features"]] == [0.15, 0.3, 0.6]


async def test_following_next_gives_every_item_of_a_box_once(client: httpx.AsyncClient, town: Town) -> None:
    west, south, east, north = town.bounds()
    body: dict[str, Any] | None = {"collections": ["naip"], "bbox": [west, south, east, north], "limit": 250}
    seen: list[str] = []
    while body is not None:
        page = (await client.post(SEARCH, json=body)).json()
        seen += [item["id"] for item in page["features"]]
        body = next((link["body"] for link in page["links"] if link["rel"] == "next"), None)
    with_pictures = sum(int(seed) % 100 >= stac.BARE_PER_HUNDRED for seed in town.roofs.seed)
    assert len(seen) == len(set(seen)) == 3 * with_pictures


async def test_an_interval_keeps_only_its_days(client: httpx.AsyncClient, town: Town) -> None:
    found = await items_at(
        client, town, building_where(town, range(20, 99)), datetime="2025-11-22T00:00:00Z/.."
    )
    assert len(found["features"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
        {"limit": 0},
        {"limit": 1001},
        {"datetime": "yesterday"},
        {"bbox": [1, 2, 3]},
        {"token": "not a token"},
        ["a list"],
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    answer = await client.post(SEARCH, content=json.dumps(body))
    assert answer.status_code == 400
    assert "description" in answer.json()


async def test_nothing_lies_outside_the_towns(client: httpx.AsyncClient) -> None:
    point = {"type": "Point", "coordinates": [2.35, 48.85]}
    answer = await client.post(SEARCH, json={"collections": ["naip"], "intersects": point})
    assert answer.json()["features"] == []


async def test_a_signed_address_gives_the_picture_and_always_the_same(
    client: httpx.AsyncClient, town: Town
) -> None:
    item = (await items_at(client, town, building_where(town, range(20, 99))))["features"][0]
    first, again = [await fetched(client, item["assets"]["image"]["href"]) for _ in range(2)]
    assert first.content == again.content
    assert first.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(first.content)).size == (320, 320)


async def test_a_picture_needs_an_unexpired_signature_of_its_own(
    client: httpx.AsyncClient, town: Town
) -> None:
    items = (await items_at(client, town, building_where(town, range(20, 99))))["features"]
    first, second = (item["assets"]["image"]["href"] for item in items[:2])
    assert (await client.get(first)).status_code == 403
    signed = (await client.get("/stac/api/sas/v1/sign", params={"href": first})).json()["href"]
    query = signed.partition("?")[2]
    assert (await client.get(f"{second}?{query}")).status_code == 403
    assert (await client.get(f"{first}?{query.replace('se=2', 'se=1')}")).status_code == 403


async def test_an_unknown_picture_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await fetched(client, "http://sandbox/stac/assets/naip/tx_m_1999999_015_20260101.jpg")
    assert answer.status_code == 404


async def test_some_newest_pictures_are_grey_or_clouded(client: httpx.AsyncClient, town: Town) -> None:
    async def light(building: int) -> float:
        item = (await items_at(client, town, building))["features"][0]
        body = (await fetched(client, item["assets"]["image"]["href"])).content
        return float(np.asarray(Image.open(io.BytesIO(body)).convert("L")).mean())

    grey = building_where(town, range(stac.BARE_PER_HUNDRED, stac.PLACEHOLDER_PER_HUNDRED))
    cloudy = building_where(town, range(stac.PLACEHOLDER_PER_HUNDRED, stac.CLOUDED_PER_HUNDRED))
    assert await light(grey) > 220
    assert await light(cloudy) > 190
    assert await light(building_where(town, range(20, 99))) < 160


async def test_metadata_names_a_panorama_on_the_street(client: httpx.AsyncClient, town: Town) -> None:
    building = next(b for b, s in enumerate(town.roofs.seed) if int(s) // 100 % 100 >= 10)
    latitude, longitude = at(town, building)
    found = (await client.get(METADATA, params={"location": f"{latitude},{longitude}", "key": "k"})).json()
    assert found["status"] == "OK"
    assert len(found["pano_id"]) == 22
    where = town.projection.to_metres(found["location"]["lat"], found["location"]["lng"])
    assert math.dist(where, town.projection.to_metres(latitude, longitude)) <= 50
    named = (await client.get(METADATA, params={"pano": found["pano_id"], "key": "k"})).json()
    assert named == found


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"location": "48.85,2.35", "key": "k"}, "ZERO_RESULTS"),
        ({"location": "Main Street", "key": "k"}, "INVALID_REQUEST"),
        ({"pano": "nobody", "key": "k"}, "NOT_FOUND"),
        ({"location": "32.4,-98.9"}, "REQUEST_DENIED"),
        ({"location": "32.4,-98.9", "key": "bad"}, "REQUEST_DENIED"),
    ],
)
async def test_metadata_answers_200_and_says_what_is_wrong(
    client: httpx.AsyncClient, params: dict[str, str], status: str
) -> None:
    answer = await client.get(METADATA, params=params)
    assert answer.status_code == 200
    assert answer.json() == {"status": status}


async def test_without_error_code_a_missing_panorama_is_a_grey_picture(client: httpx.AsyncClient) -> None:
    params = {"pano": "nobody", "size": "320x320", "key": "k"}
    quiet = await client.get(IMAGE, params=params)
    loud = await client.get(IMAGE, params={**params, "return_error_code": "true"})
    assert (quiet.status_code, loud.status_code) == (200, 404)
    assert quiet.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("size", ["", "huge", "641x640", "10x10"])
async def test_a_picture_needs_a_size_the_vendor_serves(client: httpx.AsyncClient, size: str) -> None:
    assert (await client.get(IMAGE, params={"pano": "x", "size": size, "key": "k"})).status_code == 400


async def test_the_building_in_the_middle_of_the_view_is_drawn(client: httpx.AsyncClient, town: Town) -> None:
    building = next(
        b for b, s in enumerate(town.roofs.seed) if streetview._panoramas(town, b) and int(s) % 100 > 20
    )
    front = streetview._panoramas(town, building)[0]
    toward = front.heading_to((front.house.east_m, front.house.north_m))
    params: dict[str, Any] = {"pano": front.key, "size": "320x320", "key": "k"}
    default = (await client.get(IMAGE, params=params)).content
    aimed = (await client.get(IMAGE, params={**params, "heading": toward})).content
    away = (await client.get(IMAGE, params={**params, "heading": (toward + 180) % 360})).content
    assert default == aimed
    assert away != aimed
    assert front._house_toward(toward).building == building
