"""The seeds are what the handed-over facts say, and a word that no rule knows stops the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from house import retype_rules as rules
from house.retype import UnknownWords, parcel_source, permit_source, retype, status_of
from shared.db.seed import SEEDS

FEED: dict[str, Any] = {
    "key": "dale_tx_permits",
    "kind": "arcgis",
    "layer_url": "https://maps.dale.example/rest/services/Permits/FeatureServer/0",
    "base_domain": "maps.dale.example",
    "status": "live",
    "confidence": "verified",
    "field_map": {
        "permit_number": "NUM",
        "address": ["NO", "STREET"],
        "owner_name": "OWNER",
        "lat": "geometry",
    },
    "incremental_date_field": "ISSUED",
    "roofing_filter": {"fields": ["DESC"], "match": "text"},
}
LAYER: dict[str, Any] = {
    "kind": "arcgis",
    "url": "https://maps.dale.example/rest/services/Parcels/FeatureServer/0",
    "confidence": "verified",
    "field_map": {"parcel_id": "APN", "address": "SITUS"},
}


def test_the_committed_seeds_are_what_the_handed_over_facts_say(handed_over: Path) -> None:
    for name, text in retype(handed_over / "data").items():
        assert (SEEDS / name).read_text() == text, f"run scripts/retype-sources for {name}"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, "usable", ""),
        ({"confidence": "likely"}, "unknown", "reported live, columns not seen"),
        ({"status": "portal"}, "portal", "pages to search, no bulk feed"),
        ({"status": "unknown"}, "unknown", "platform and address of the permit portal are not known"),
        ({"status": "stale (newest row 2019-12-31)"}, "blocked", "stale (newest row 2019-12-31)"),
        ({"status": "stopped syncing at 2026-03-16"}, "watch", "stopped syncing at 2026-03-16"),
        ({"status": "failing (400)"}, "blocked", "failing (400)"),
        ({"status": "live but NO roofing types"}, "blocked", "live but NO roofing types"),
        ({"status": "live but new construction only"}, "blocked", "live but new construction only"),
        ({"status": "live 2026-07-29, errors since"}, "watch", "live 2026-07-29, errors since"),
        ({"role": "hvac_permits"}, "blocked", "serves another purpose: hvac_permits"),
        (
            {"status": "portal", "notes": "behind an Incapsula wall: no bypassing"},
            "blocked",
            "anti-bot wall: ask the city for a bulk extract or its records",
        ),
    ],
)
def test_the_documents_words_become_a_status(changes: dict[str, str], status: str, reason: str) -> None:
    source = permit_source({**FEED, **changes}, "TX")
    assert (source["status"], source.get("status_reason", "")) == (status, reason)


def test_an_unknown_word_stops_the_run() -> None:
    with pytest.raises(UnknownWords, match="'on holiday'"):
        permit_source({**FEED, "status": "on holiday"}, "TX")
    with pytest.raises(UnknownWords, match="every full moon"):
        permit_source({**FEED, "date_type": "every full moon"}, "TX")
    with pytest.raises(UnknownWords, match="NUM, or else"):
        permit_source({**FEED, "field_map": {"permit_number": "NUM, or else the other"}}, "TX")


def test_a_feed_carries_its_place_dates_licence_and_no_person() -> None:
    assert permit_source({**FEED, "date_type": "text YYYYMMDD"}, "KS") == {
        "key": "dale_tx_permits",
        "kind": "arcgis",
        "status": "usable",
        "confidence": "verified",
        "layer_url": FEED["layer_url"],
        "terms": "open_data",
        "commercial_use": "prohibited",
        "freshness_days": 30,
        "incremental_date_field": "ISSUED",
        "date_format": "%Y%m%d",
        "field_map": {"permit_number": "NUM", "address": ["NO", "STREET"], "work_description": "DESC"},
    }


def test_every_column_that_tells_of_roofs_is_read_once() -> None:
    told = {"fields": ["DESC", "KIND", "WORK", "PermitNumber prefix RFS"]}
    mapped = {**FEED["field_map"], "permit_type": "KIND", "work_description": "DESC"}
    source = permit_source({**FEED, "field_map": mapped, "roofing_filter": told}, "TX")
    assert source["field_map"]["work_description"] == ["DESC", "WORK"]


@pytest.mark.parametrize(
    ("changes", "status", "terms"),
    [
        ({}, "usable", "open_data"),
        ({"field_map": {"parcel_id": "APN"}}, "unknown", "open_data"),
        ({"confidence": "likely"}, "unknown", "open_data"),
        ({"kind": "html_portal", "confidence": "likely"}, "portal", "unreviewed"),
        ({"notes": "the inventory marks commercial use as prohibited"}, "blocked", "prohibited"),
    ],
)
def test_a_parcel_layer_is_asked_only_with_its_columns_and_terms(
    changes: dict[str, Any], status: str, terms: str
) -> None:
    source = parcel_source({**LAYER, **changes}, "dale_parcels", {"city": "Dale", "state": "TX"})
    assert (source["status"], source["terms"]) == (status, terms)


def test_a_layer_of_a_whole_state_is_asked_for_one_city() -> None:
    shared = {**LAYER, "field_map": {**LAYER["field_map"], "city": "PHY_CITY"}}
    source = parcel_source(shared, "florida_statewide_parcels", {"city": "Miami", "state": "FL"})
    assert source["where"] == "UPPER(PHY_CITY) = 'MIAMI'"


def test_every_rule_names_a_status_that_has_a_rank() -> None:
    assert {row[2] for row in (*rules.PERMIT_STATUS, *rules.PARCEL_STATUS)} == set(rules.RANK)
    with pytest.raises(UnknownWords):
        status_of({"key": "x", "status": "live"}, ())
