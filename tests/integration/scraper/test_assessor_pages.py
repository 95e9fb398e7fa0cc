"""Assessor pages: the counties' real ones by recipe, the sandbox's by address, and one visit a day for one question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from redis.exceptions import ConnectionError as RedisAway

from shared.http.client import FetchDenied, FetchSource, GuardedFetcher
from shared.providers import metrics
from shared.providers.assessor import AssessorRecord, ParcelQuery
from shared.providers.assessor.cached import CachedAssessor
from shared.providers.assessor.html_site import HtmlSite
from shared.providers.assessor.recipe import Recipe
from shared.providers.page_reading import PageReader
from shared.providers.page_reading.plain import PlainFetcher
from shared.security.fields import KeyRing
from tests.factories.cities import city_of
from tests.factories.fetching import decide_fetch
from tests.factories.leads import make_lead
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

OPEN = FetchSource("county", tos="allowed", enabled=True, requests_per_second=1_000)
SALES = "(//div[@id='details-Sales']//tbody/tr[normalize-space(td[5]) != '0'])[1]"
PUTNAM = Recipe.model_validate(
    {
        "detail_path": "/putnam_fl_{apn}.html",
        "label_css": "div.font-weight-bold, td.row-heading",
        "fields": [
            {"field": "apn", "labels": ["Parcel"], "required": True},
            {"field": "owner_name", "css": ".parcel_owner"},
            {"field": "situs_address", "labels": ["911 Address"]},
            {"field": "mailing_address", "labels": ["Mailing Address"]},
            {"field": "property_type", "labels": ["Property Use"]},
            {"field": "market_value_usd", "kind": "money", "labels": ["Market Value"]},
            {"field": "lot_area_sqft", "kind": "acres", "labels": ["Total Acreage"]},
            {"field": "year_built", "kind": "whole", "labels": ["Actual Year Built"]},
            {"field": "last_sale_on", "kind": "date", "xpath": f"{SALES}/td[3]"},
            {"field": "last_sale_price_usd", "kind": "money", "xpath": f"{SALES}/td[5]"},
            {"field": "structures", "labels": ["Structures"]},
        ],
    }
)
REAL_PAGES = {"putnam_fl_92263.html": (PUTNAM, "92263", 11)}
"""Each real page with its recipe, the number it is asked by, and how many fields the recipe finds."""


@pytest_asyncio.fixture
async def county(handed_over: Path) -> AsyncIterator[PageReader]:
    """A host that serves the real pages as their county does."""
    app = FastAPI()
    app.mount("/", StaticFiles(directory=handed_over / "data" / "assessor" / "html"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        yield PageReader((PlainFetcher(GuardedFetcher(http, decide_fetch, user_agent="Ridgeline/0.1")),))


async def test_every_real_page_is_read(county: PageReader, handed_over: Path) -> None:
    files = {path.name for path in (handed_over / "data" / "assessor" / "html").glob("*.html")}
    assert files == set(REAL_PAGES)
    for recipe, number, found in REAL_PAGES.values():
        site = HtmlSite(recipe, OPEN, county, base_url="https://county.test")
        record = await site.look_up(ParcelQuery(apn=number))
        assert record is not None
        told = [getattr(record, rule.field, None) or record.extra.get(rule.field) for rule in recipe.fields]
        assert sum(value is not None for value in told) == found


async def test_what_putnam_says_of_its_apartments(county: PageReader) -> None:
    record = await HtmlSite(PUTNAM, OPEN, county, base_url="https://county.test").look_up(
        ParcelQuery(apn="92263")
    )
    assert record is not None
    assert record.apn == "03-10-26-0000-0131-0040"
    assert record.situs_address == "301 KAY LARKIN DR # APT A1 PALATKA 32177"
    assert record.mailing_address == "4325 GLENCOE AVE #9424 MARINA DEL REY CA 90295"
    assert record.owner_name == "KAY LARKIN APARTMENTS LLC"
    assert (record.year_built, record.lot_area_sqft) == (2000, 6 * 43_560)
    assert (record.market_value_usd, record.property_type) == (Decimal(1_620_790), "00300 - MULTIFAMILY")
    assert (record.last_sale_on, record.last_sale_price_usd) == (date(2022, 4, 22), Decimal(1_675_000))
    assert record.extra == {"structures": "8"}


class County:
    """An assessor who counts his visitors."""

    name = "assessor"

    def __init__(self, owner: str | None = "RUIZ ANA") -> None:
        self.asked: list[ParcelQuery] = []
        self.owner = owner

    async def look_up(self, parcel: ParcelQuery) -> AssessorRecord | None:
        self.asked.append(parcel)
        if self.owner is None:
            return None
        return AssessorRecord(
            "R-1", "https://county.test/1", datetime(2026, 11, 1, tzinfo=UTC),
            owner_name=self.owner, market_value_usd=Decimal("284500.50"), last_sale_on=date(2019, 3, 14),
            extra={"homestead": "YES"},
        )  # fmt: skip


def remembering(county: County, redis: Any, keys: KeyRing, source: FetchSource = OPEN) -> CachedAssessor:
    return CachedAssessor(county, redis, keys, recipe=PUTNAM, source=source)


@pytest.fixture
def keys(scraper: Bench) -> KeyRing:
    return scraper.at.keys


@pytest.mark.parametrize("owner", ["RUIZ ANA", None])
async def test_the_same_question_is_one_visit_a_day(redis: Any, keys: KeyRing, owner: str | None) -> None:
    county = County(owner)
    hits, misses = metrics.ASSESSOR_LOOK_UPS.labels("hit"), metrics.ASSESSOR_LOOK_UPS.labels("miss")
    before = hits._value.get(), misses._value.get()
    first = await remembering(county, redis, keys).look_up(ParcelQuery(street="12 Oak St"))
    second = await remembering(county, redis, keys).look_up(ParcelQuery(street="12 Oak St"))
    assert first == second
    assert (len(county.asked), hits._value.get() - before[0], misses._value.get() - before[1]) == (1, 1, 1)
    await remembering(county, redis, keys).look_up(ParcelQuery(street="14 Oak St"))
    assert len(county.asked) == 2
    (name, *_) = await redis.keys("assessor:*")
    assert 86_000 < await redis.ttl(name) <= 86_400


async def test_redis_holds_neither_the_person_nor_the_house_in_clear(redis: Any, keys: KeyRing) -> None:
    await remembering(County(), redis, keys).look_up(ParcelQuery(street="12 Oak St"))
    (name,) = await redis.keys("assessor:*")
    kept = f"{name} {await redis.get(name)}"
    assert not any(word in kept for word in ("RUIZ", "Oak", "284500", "county"))


async def test_a_closed_source_is_not_answered_from_memory(redis: Any, keys: KeyRing) -> None:
    county = County()
    await remembering(county, redis, keys).look_up(ParcelQuery(apn="1"))
    closed = FetchSource("county", tos="allowed", enabled=False)
    await remembering(county, redis, keys, closed).look_up(ParcelQuery(apn="1"))
    assert len(county.asked) == 2, "the site itself then refuses with the reason"


async def test_spoilt_memory_and_redis_away_mean_another_visit(redis: Any, keys: KeyRing) -> None:
    class Away:
        async def get(self, _name: str) -> None:
            raise RedisAway

        async def set(self, _name: str, _value: bytes, **_: Any) -> None:
            raise RedisAway

    county = County()
    await remembering(county, redis, keys).look_up(ParcelQuery(apn="1"))
    (name,) = await redis.keys("assessor:*")
    await redis.set(name, b'{"subject": "x"}')
    assert await remembering(county, redis, keys).look_up(ParcelQuery(apn="1")) is not None
    assert await remembering(county, Away(), keys).look_up(ParcelQuery(apn="1")) is not None
    assert len(county.asked) == 3


async def test_a_house_is_found_by_its_address_once(scraper: Bench, town: ServedTown) -> None:
    lead = await _lead_of_condominium(scraper, town)
    for visits in (1, 1):
        workflow = await scraper.begin("property", lead)
        await scraper.run(workflow, "scrape_property")
        step = await scraper.step(workflow, "scrape_property")
        assert (step.status, step.output["found"]) == ("done", True)
        asked = town.sandbox.misbehaviour.calls("assessor")["by_path"]
        assert sum(count for path, count in asked.items() if "/property/" in path) == visits


async def _lead_of_condominium(at: Bench, town: ServedTown) -> Any:
    """A lead whose parcel number is not known to us, only its address, which several parcels share."""
    await city_of(at)
    async with at.unit_of_work() as uow:
        lead: Any = await make_lead(uow.session, at.at.keys)
    layout, count = town.town().layout, town.town().parcels
    address = next(found for n in range(count) if (found := layout.address(n)).unit)
    line = address.street_line.partition(f" {address.unit_kind}")[0]
    await at.rows(
        "INSERT INTO parcels (city_id, apn, county, city, state, address, address_key, source, content_hash)"
        " SELECT city_id, '', 'Ashby', city, state, :line, address_key, 'permits', 'x' FROM base_leads WHERE id = :id",
        id=lead,
        line=line,
    )
    await at.rows(
        "UPDATE base_leads SET parcel_id = (SELECT id FROM parcels LIMIT 1) WHERE id = :id", id=lead
    )
    return lead


async def test_a_closed_assessor_is_refused_with_its_reason(scraper: Bench, town: ServedTown) -> None:
    closed = FetchSource("harrow_tx_assessor", tos="unknown", enabled=False)
    site = scraper.at.providers.assessor(PUTNAM, closed)
    with pytest.raises(FetchDenied):
        await remembering_site(site, scraper, closed).look_up(ParcelQuery(apn="1"))


def remembering_site(site: Any, at: Bench, source: FetchSource) -> CachedAssessor:
    return CachedAssessor(site, at.at.redis, at.at.keys, recipe=PUTNAM, source=source)
