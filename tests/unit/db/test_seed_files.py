from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from services.scraper.formats.field_map import PermitSource
from shared.db import seed
from shared.providers.assessor.recipe import Recipe
from shared.providers.parcel_source import SourceConfig as ParcelConfig
from shared.providers.permit_source import SourceConfig
from shared.sandbox.town.places import PLACES

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


@pytest.mark.parametrize("city", PUBLISHED, ids=lambda city: city["city"])
def test_a_real_citys_sources_are_what_the_readers_take(city: dict[str, Any]) -> None:
    for permits in city["permit_sources"]:
        SourceConfig.model_validate(permits)
        source = PermitSource.from_config(
            permits["key"], permits, city=city["city"], state=city["state"], time_zone="America/Chicago"
        )
        assert source.missing_columns(source.columns()) == []


def test_the_75_cities_have_their_own_priority_and_a_zone_that_exists() -> None:
    cities = list(seed._cities())

    assert len({(city["city"], city["state"]) for city in cities}) == 75
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
