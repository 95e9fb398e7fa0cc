"""The gauges of sources and data say what the rows say."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.relay import quality
from tests.factories.cities import city_of
from tests.factories.core import Core

HARROW = {"source": "harrow_tx_permits", "city": "Harrow, TX"}


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def core(committed_db: SessionMaker) -> Core:
    """The tables of all services, not the core's alone."""
    return Core(UnitOfWorkFactory(committed_db))


async def measured(core: Core) -> None:
    async with core.unit_of_work() as uow:
        await quality.measure(uow.session)


async def reading(core: Core, **row: Any) -> None:
    """A reading of Harrow's permits that ended an hour after it began, two hours ago."""
    values = {
        "source": "harrow_tx_permits", "city": await city_of(core), "kind": "permits", "status": "good",
        "light": "green", "failure": None, "rows": 100, "rejected": 10, "ago": 2, "run": str(uuid4()), **row,
    }  # fmt: skip
    await core.rows(
        "INSERT INTO source_runs (source_key, run, kind, city_id, status, light, failure, rows_read, rows_rejected,"
        "                         started_at, ended_at)"
        " VALUES (:source, :run, :kind, :city, :status, :light, :failure, :rows, :rejected,"
        "         now() - make_interval(hours => :ago), now() - make_interval(hours => :ago - 1))",
        **values,
    )


async def test_a_source_shows_the_light_of_its_last_reading_and_the_time_of_its_last_good_one(
    core: Core,
) -> None:
    await core.rows("UPDATE target_cities SET active = city = 'Harrow'")
    await reading(core, ago=30)
    await reading(core, status="failed", light="red", failure="zero_rows", rows=0, rejected=0)
    await reading(core, source="spc", city=None, kind="storms", light="amber")
    await measured(core)
    assert gauge("source_light", **HARROW) == 2
    assert gauge("source_light", source="spc", city="") == 1
    assert gauge("source_red_seconds", **HARROW) == pytest.approx(3600, abs=60)
    assert gauge("source_red_seconds", source="spc", city="") is None
    assert gauge("source_last_success_seconds", **HARROW) == pytest.approx(29 * 3600, abs=60)
    assert gauge("source_failed_readings", source=HARROW["source"], reason="zero_rows") == 1
    assert gauge("source_readings_good_share", city="Harrow, TX", kind="permits") == 0.5
    assert gauge("source_reading_seconds", kind="permits") == pytest.approx(3600)
    assert gauge("source_rejected_share", source="spc", city="") == 0.1


async def test_a_mended_source_and_a_city_that_is_left_take_their_series_along(core: Core) -> None:
    await core.rows("UPDATE target_cities SET active = city = 'Harrow'")
    await reading(core, status="failed", light="red", failure="zero_rows")
    await measured(core)
    await core.rows("UPDATE source_runs SET status = 'good', light = 'green', failure = NULL")
    await measured(core)
    assert gauge("source_light", **HARROW) == 0
    assert gauge("source_failed_readings", source=HARROW["source"], reason="zero_rows") is None
    await reading(core, source="harrow_tx_other")
    await measured(core)
    assert gauge("source_light", **HARROW) == 0, "both were read in one night"
    await core.rows(
        "UPDATE source_runs SET started_at = now() - interval '5 days' WHERE source_key = :k",
        k=HARROW["source"],
    )
    await measured(core)
    assert gauge("source_light", **HARROW) is None, "another one is read in its place"
    assert gauge("source_light", source="harrow_tx_other", city="Harrow, TX") == 0
    await core.rows("UPDATE target_cities SET active = false")
    await measured(core)
    assert gauge("source_light", source="harrow_tx_other", city="Harrow, TX") is None


async def test_cost_and_kept_answers_of_the_scraper_are_counted_by_vendor(core: Core) -> None:
    for service, provider, status, cost in (
        ("scraper", "files", 304, 0),
        ("scraper", "files", 200, 0),
        ("scraper", "usps", 200, "0.25"),
        ("enricher", "hunter", 200, "0.5"),
    ):
        await core.rows(
            "INSERT INTO api_usage_logs (service, api_provider, response_status, cost)"
            " VALUES (:service, :provider, :status, :cost)",
            service=service,
            provider=provider,
            status=status,
            cost=cost,
        )
    await measured(core)
    assert gauge("scraping_cache_hit_share", provider="files") == 0.5
    assert gauge("scraping_cost_usd", provider="usps") == 0.25
    assert gauge("scraping_cost_usd", provider="hunter") is None


async def test_quality_measures_come_from_rows_and_stand_beside_their_targets(core: Core) -> None:
    harrow = await city_of(core)
    await core.rows("UPDATE target_cities SET active = city = 'Harrow'")
    await reading(core, source="harrow_tx_parcels", kind="parcels")
    for number in range(4):
        lead = await core.one(
            "INSERT INTO base_leads (city_id, address, city, state, address_key, time_zone, owner_email,"
            "                        owner_email_verified)"
            " VALUES (:city, 'x', 'Harrow', 'TX', :key, 'America/Chicago', :email, :verified) RETURNING id",
            city=harrow,
            key=f"{number} MAIN",
            email="sealed" if number < 3 else None,
            verified=number < 2,
        )
        await core.rows(
            "INSERT INTO enrichment_jobs (base_lead_id, enrichment_type, status, data_found, api_calls_made)"
            " VALUES (:lead, 'email', 'completed', :found, 1)",
            lead=lead,
            found=number < 3,
        )
        await core.rows(
            "INSERT INTO roof_analysis (base_lead_id, image_domain, calibrated_confidence)"
            " VALUES (:lead, 'real', 0.5)",
            lead=lead,
        )
        await core.rows(
            "INSERT INTO roofing_permits (permit_number, jurisdiction, address, address_key, state, city_id, issue_date,"
            "                             content_hash)"
            " VALUES (:number, 'Harrow, TX', 'x', :key, 'TX', :city, current_date, 'x')",
            number=str(number),
            key=f"{number} MAIN",
            city=harrow,
        )
    await core.rows(
        "INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash)"
        " VALUES (:city, '1', 'Bell', 'TX', 'x', '0 MAIN', 'Harrow', 's', 'x')",
        city=harrow,
    )
    await measured(core)
    shares = {name: gauge("data_quality_share", measure=name) for name in quality.TARGETS}
    assert shares == {
        "ml_confidence": 0.5,
        "email_match": 0.75,
        "email_verified": pytest.approx(2 / 3),
        "address_match": 0.25,
    }
    assert gauge("data_quality_target_share", measure="address_match") == 0.95


async def test_free_plans_show_what_this_month_has_left(core: Core) -> None:
    month = await core.one("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')")
    for scope, spent in (
        (f"free:hunter:key:{month}", 12),
        ("free:hunter:key:2020-01", 50),
        ("vendor:snov", 9),
    ):
        await core.rows(
            "INSERT INTO core.budget (scope, cap, spent, reserved) VALUES (:scope, 50, :spent, 1)",
            scope=scope,
            spent=spent,
        )
    await measured(core)
    assert gauge("provider_free_calls_used", provider="hunter") == 13
    assert gauge("provider_free_calls_cap", provider="hunter") == 50
    assert gauge("provider_free_calls_used", provider="snov") is None
