"""Recorded answers of business directories keep the published contracts; of their fields only the id is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.compliance.listings import keeping_rule
from shared.providers.contractor_listings.answers import google_place, listings_of, yelp_business

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PLACES = ("google_places_v1.json", "GoogleMapsPlacesV1SearchTextResponse", "GoogleMapsPlacesV1Place")
BUSINESSES = ("yelp.json", "BusinessSearchResponse", "Business")
DETAIL = ("yelp.json", "BusinessDetail", "BusinessDetail")


def schema_of(folder: Path, file: str, name: str) -> dict[str, Any]:
    document = json.loads((folder / "contracts" / "openapi" / file).read_bytes())
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def properties(schemas: dict[str, Any], name: str) -> set[str]:
    schema = schemas[name]
    names = set(schema.get("properties", ()))
    for part in schema.get("allOf", ()):
        named = part.get("$ref", "").rpartition("/")[2]
        names |= properties(schemas, named) if named else set(part.get("properties", ()))
    return names


@pytest.mark.parametrize(
    ("recording", "contract"),
    [
        ("google_places_new_one_place.json", PLACES),
        ("yelp/yelp_v3_business_search.json", BUSINESSES),
        ("yelp/yelp_v3_business_lookup_yelp_san_francisco.json", DETAIL),
    ],
)
def test_a_recording_keeps_its_contract_and_every_company_in_it_has_its_id(
    handed_over: Path, recording: str, contract: tuple[str, str, str]
) -> None:
    answer = json.loads((handed_over / "data" / "contractors" / recording).read_bytes())
    Draft202012Validator(schema_of(handed_over, *contract[:2])).validate(answer)
    listings = listings_of(answer)
    assert listings
    assert all(listing.listing_id and listing.trades for listing in listings)


@pytest.mark.parametrize(
    ("contract", "read", "kept"),
    [(PLACES, google_place, "place_id"), (BUSINESSES, yelp_business, "business_id"), (DETAIL, yelp_business, "business_id")],
    ids=["place", "business", "business in detail"],
)  # fmt: skip
def test_of_every_field_that_the_contract_knows_only_the_id_is_kept(
    handed_over: Path, contract: tuple[str, str, str], read: Any, kept: str
) -> None:
    schemas = schema_of(handed_over, contract[0], contract[2])["components"]["schemas"]
    known = properties(schemas, contract[2])
    assert {"id", "rating"} <= known
    listing = read(dict.fromkeys(known - {"categories", "types"}, "x"))
    rule = keeping_rule(listing.directory, NOW)
    assert set(listing.fields) - set(rule.left_out(listing.fields)) == {kept}


def test_of_a_directory_that_nobody_reviewed_nothing_is_kept() -> None:
    rule = keeping_rule("angi", NOW)
    assert rule.left_out(["id", "name"]) == ("id", "name")
    assert "not reviewed" in rule.term
