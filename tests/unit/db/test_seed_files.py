from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from services.scraper.formats.field_map import PermitSource
from shared.compliance.policy import policy_at
from shared.db import seed
from shared.providers.assessor.recipe import Recipe
from shared.providers.parcel_source import SourceConfig as ParcelConfig
from shared.providers.permit_source import SourceConfig
from shared.providers.source_choice import PERMIT_KINDS, SourceStatus, city_status, status_of
from shared.sandbox.town.places import PLACES

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SANDBOX = yaml.safe_load((seed.SEEDS / "sandbox.yaml").read_text())
PUBLISHED = yaml.safe_load((seed.SEEDS / "city_sources.yaml").read_text())


def town(city: dict[str, Any]) -> dict[str, Any]:
    row = seed._town_sources(city, SANDBOX["defaults"])
    return {
        **row,
        "sources": json.loads(row["sources"]),
        "assessor_config": json.loads(row["assessor_config"]),
    }


def test_the_towns_lie_where_the_sandbox_puts_them() -> None:
    seeded = [
        (c["city"], c["state"], c["county"], c["county_fips"], c["lat"], c["lng"], c["time_zone"])
        for c in SANDBOX["cities"]
    ]
    assert seeded == [
        (p.city, p.state, p.county, p.county_fips, p.latitude, p.longitude, p.time_zone) for p in PLACES
    ]


@pytest.mark.parametrize("city", SANDBOX["cities"], ids=lambda city: city["city"])
def test_a_towns_sources_are_what_the_readers_take(city: dict[str, Any]) -> None:
    row = town(city)
    [permits], [parcels] = row["sources"]["permit_sources"], row["sources"]["parcel_sources"]

    assert SourceConfig.model_validate(permits).kind == city["platform"]
    assert (
        ParcelConfig.model_validate(parcels).layer_path
        == f"rest/services/{city['city']}_Parcels/FeatureServer/0"
    )
    Recipe.model_validate(row["assessor_config"]["recipe"])
    source = PermitSource.from_config(
        permits["key"], permits, city=city["city"], state=city["state"], time_zone=city["time_zone"]
    )
    assert {"permit_number", "address", "issue_date", "work_description"} <= set(source.fields)


# Verified feeds of which nobody has seen every column that a permit needs: their check says so at activation.
INCOMPLETE = {
    "cleveland_oh_permits", "durham_nc_all_permits", "cape_coral_fl_permits", "aurora_co_permits",
    "little_rock_ar_permits", "billings_mt_permits",
}  # fmt: skip
ASKED = [
    pytest.param(city, source, id=source["key"])
    for city in PUBLISHED
    for source in city["permit_sources"]
    if source["status"] in ("usable", "watch")
]


@pytest.mark.parametrize(("city", "source"), ASKED)
def test_a_real_source_that_may_be_asked_is_what_its_reader_takes(
    city: dict[str, Any], source: dict[str, Any]
) -> None:
    if source["kind"] in PERMIT_KINDS:
        SourceConfig.model_validate(source)
    mapped = PermitSource.from_config(
        source["key"], source, city=city["city"], state=city["state"], time_zone="America/Chicago"
    )
    assert bool(mapped.missing_columns(mapped.columns())) == (source["key"] in INCOMPLETE)
    assert source["freshness_days"] in (30, 45)
    assert source.get("date_literal", "timestamp") in ("text", "timestamp", "date", "number", "none")
    assert "date_format" in source or source.get("date_literal") != "number"


def test_sources_stand_in_the_order_of_fallback_and_a_city_is_as_good_as_its_first() -> None:
    for city in PUBLISHED:
        ranks = [list(SourceStatus).index(status_of(source)) for source in city["permit_sources"]]
        assert [r for r in ranks if r < 3] == sorted(r for r in ranks if r < 3)
    first = {(city["city"], city["state"]): city_status(city["permit_sources"]) for city in PUBLISHED}
    assert Counter(first.values()) == {"usable": 40, "watch": 4, "portal": 23, "blocked": 1, "unknown": 7}
    by_status = {status: {city for city, _ in first if first[city, _] == status} for status in SourceStatus}
    assert by_status[SourceStatus.WATCH] == {"Atlanta", "Fort Lauderdale", "Milwaukee", "Sioux Falls"}
    assert by_status[SourceStatus.UNKNOWN] == {
        "Des Moines", "Springfield", "Gulfport", "Cedar Rapids", "Fargo", "Rapid City", "Cheyenne",
    }  # fmt: skip


def test_the_six_feeds_without_roofs_and_the_wall_are_blocked_with_their_reason() -> None:
    reasons = {
        source["key"]: source["status_reason"]
        for city in PUBLISHED
        for source in city["permit_sources"]
        if source["status"] == "blocked"
    }
    assert "2019-12-31" in reasons["dallas_tx_permits_archive"]
    assert "2025-05-08" in reasons["kansas_city_mo_cpd"]
    for key in (
        "tampa_fl_permitsall",
        "memphis_tn_dpd",
        "charleston_sc_new_construction",
        "boise_id_housing_opendata",
    ):
        assert "new" in reasons[key]
    assert reasons["oklahoma_city_ok_accela"].startswith("anti-bot wall")


def test_every_source_with_a_host_has_a_licence_row_and_only_what_may_be_asked_is_on() -> None:
    rows = {row["source_key"]: row for row in seed._published_registry(PUBLISHED)}
    for city in PUBLISHED:
        for source in (*city["permit_sources"], *city["parcel_sources"]):
            if source["status"] == "unknown" and not seed.host_of(source):
                continue
            asked = source["status"] in ("usable", "watch")
            row = rows.get(source["key"])
            assert asked or seed.host_of(source) == "" or row is not None
            if row is None:
                continue
            assert (row["enabled"], bool(row["disabled_reason"])) == (asked, not asked), source["key"]
            assert not asked or (row["tos"], row["tos_basis"]) == ("allowed", "published open-data interface")
            assert source["status"] != "portal" or row["tos"] == "unknown"
    colorado = rows["colorado_public_parcels"]
    assert (colorado["tos"], colorado["commercial_use"], colorado["enabled"]) == (
        "prohibited",
        "prohibited",
        False,
    )


def test_licence_rows_know_the_states_public_record_laws() -> None:
    words = {"prohibited": "prohibited", "statement": "statement_required"}
    laws = {state: words[law] for state, law in policy_at(NOW).sale["public_record_states"].items()}
    for city in PUBLISHED:
        for source in (*city["permit_sources"], *city["parcel_sources"]):
            if source["terms"] == "open_data":
                other = "allowed" if source in city["permit_sources"] else "unknown"
                assert source["commercial_use"] == laws.get(city["state"], other), source["key"]


def test_no_owner_and_no_telephone_is_mapped_from_a_permit_feed() -> None:
    names = {
        name
        for city in PUBLISHED
        for source in city["permit_sources"]
        for name in source.get("field_map", ())
    }
    assert not {name for name in names if "owner" in name or "phone" in name or "email" in name}


def test_no_state_that_is_off_by_default_is_switched_on_by_its_seeded_rules() -> None:
    seeded = {row["state"] for row in yaml.safe_load((seed.SEEDS / "state_rules.yaml").read_text())}
    assert len(seeded) == 30
    assert not seeded & set(policy_at(NOW).sale["states_off_by_default"])


def test_the_75_cities_have_their_own_priority_and_a_zone_that_exists() -> None:
    cities = list(seed._cities())

    assert len({(city["city"], city["state"]) for city in cities}) == 75
    assert Counter(city["tier"] for city in cities) == {"1": 15, "2": 35, "3": 25}
    assert len({city["priority"] for city in cities}) == 75
    assert all(ZoneInfo(city["time_zone"]) for city in cities)
    assert all(city["west"] < float(city["lng"]) < city["east"] for city in cities)
    assert all(city["south"] < float(city["lat"]) < city["north"] for city in cities)


def test_terms_decide_what_a_source_may_be_used_for() -> None:
    rows = {
        row["source_key"]: seed._source(row)
        for row in yaml.safe_load((seed.SEEDS / "sources.yaml").read_text())
    }

    assert rows["naip"]["may_analyse"] is True
    assert (rows["google_static"]["may_display"], rows["google_static"]["may_store"]) == (True, False)
    assert (rows["linkedin"]["enabled"], rows["linkedin"]["tos"]) == (False, "prohibited")
    assert rows["public_ortho"]["may_sell"] is False
    assert all(row["tos_basis"] for row in rows.values())


def test_a_buyers_id_is_the_same_in_every_database() -> None:
    assert str(seed.buyer_id("Harrow", "Roofing Co")) == "07193f87-6815-56d1-b815-e73043365cdc"
