"""Mapbox: addresses to points on the roof, for good. `{base}/search/geocode/v6/...`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from shared.sandbox.addressing import index_of
from shared.sandbox.state import Sandbox
from shared.sandbox.town import PLACES, Town

MAX_BATCH = 1_000
ON_THE_STREET_PER_HUNDRED = 6
"""Houses that are known by their street alone."""


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the geocoder."""
    routes = APIRouter(prefix="/mapbox/search/geocode/v6")

    @routes.get("/forward")
    def forward(q: str = "", permanent: str = "", access_token: str = "") -> JSONResponse:
        refusal = _refusal(access_token, permanent)
        return refusal or JSONResponse(_answer(sandbox, q))

    @routes.post("/batch")
    def batch(
        permanent: str = "", access_token: str = "", asked: list[dict[str, Any]] = Body()
    ) -> JSONResponse:
        refusal = _refusal(access_token, permanent)
        if refusal is None and len(asked) > MAX_BATCH:
            refusal = JSONResponse({"message": "Batch size exceeds the limit"}, status_code=422)
        return refusal or JSONResponse({"batch": [_answer(sandbox, str(one.get("q", ""))) for one in asked]})

    return routes


def _refusal(token: str, permanent: str) -> JSONResponse | None:
    if not token or "bad" in token:
        return JSONResponse({"message": "Not Authorized - Invalid Token"}, status_code=401)
    if permanent != "true":
        return JSONResponse({"message": "this account stores results: permanent=true"}, status_code=403)
    return None


def _answer(sandbox: Sandbox, text: str) -> dict[str, Any]:
    hits = [
        (town, hit)
        for town in (sandbox.towns.of(place) for place in PLACES if place.city.upper() in text.upper())
        for hit in index_of(sandbox, town.place).search(text)
    ]
    return {"type": "FeatureCollection", "features": [_feature(*hit) for hit in hits[:1]]}


def _feature(town: Town, parcel: int) -> dict[str, Any]:
    house = town.house(parcel)
    known = house.seed % 100 >= ON_THE_STREET_PER_HUNDRED
    coordinates = {
        "longitude": house.longitude,
        "latitude": house.latitude,
        "accuracy": "rooftop" if known else "street",
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [house.longitude, house.latitude]},
        "properties": {
            "mapbox_id": f"{town.place.key}.{parcel}",
            "feature_type": "address",
            "name": house.address.street_line,
            "full_address": house.address.one_line,
            "coordinates": coordinates,
            "match_code": {"confidence": "exact" if known else "medium"},
        },
    }
