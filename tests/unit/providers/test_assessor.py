"""Assessor pages read by a recipe."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.http.client import FetchSource, GuardedFetcher
from shared.providers.assessor import ParcelQuery
from shared.providers.assessor.html_site import HtmlSite
from shared.providers.assessor.recipe import FieldRule, Recipe
from shared.providers.page_reading import PageReader
from shared.providers.page_reading.plain import PlainFetcher
from tests.factories.fetching import decide_fetch

SOURCE = FetchSource("county", tos="allowed", enabled=True, requests_per_second=1000)
RECIPE = Recipe(
    detail_path="/property/{apn}",
    search_path="/search?address={street}",
    result_link_css="#results a",
    no_match_text="No records found",
    fields=(
        FieldRule(field="owner_name", labels=("Owner Name", "Owner")),
        FieldRule(field="year_built", kind="whole", labels=("Year Built",)),
        FieldRule(field="living_area_sqft", kind="whole", labels=("Living Area",)),
        FieldRule(field="lot_area_sqft", kind="acres", labels=("Lot Size",)),
        FieldRule(field="market_value_usd", kind="money", labels=("Market Value",)),
        FieldRule(field="last_sale_on", kind="date", css="#sales tbody td:nth-child(1)"),
        FieldRule(field="roof_cover_code", labels=("Roof Cover",)),
    ),
)
DETAIL = """<html><body><table>
<tr><th>Owner Name:</th><td>RUIZ <b>ANA</b>
   MARIA</td></tr><tr><td>Year Built</td><td>1987</td></tr>
<tr><th>Living Area</th><td>1,840 sq ft</td></tr><tr><th>Lot Size</th><td>0.250 acres</td></tr>
<tr><th>Market Value</th><td>$284,500</td></tr><tr><th>Roof Cover</th><td>COMPOSITION</td></tr></table>
<table id="sales"><thead><tr><th>Sale Date</th></tr></thead><tbody><tr><td>03/14/2019</td></tr></tbody></table>
</body></html>"""


class Site:
    def __init__(self) -> None:
        self.pages: dict[str, httpx.Response] = {"/property/R-1/A": httpx.Response(200, html=DETAIL)}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return self.pages.get(request.url.path, httpx.Response(404, html="<p>none</p>"))


def plain_reader(http: httpx.AsyncClient) -> PageReader:
    return PageReader((PlainFetcher(GuardedFetcher(http, decide_fetch, user_agent="Ridgeline/0.1")),))


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def reader(site: Site) -> HtmlSite:
    http = httpx.AsyncClient(transport=httpx.MockTransport(site))
    return HtmlSite(RECIPE, SOURCE, plain_reader(http), base_url="https://county.test")


async def test_a_record_is_read_by_its_labels(reader: HtmlSite) -> None:
    record = await reader.look_up(ParcelQuery(apn="R-1/A"))
    assert record is not None
    assert record.owner_name == "RUIZ ANA MARIA"
    assert (record.year_built, record.living_area_sqft, record.lot_area_sqft) == (1987, 1840, 10890)
    assert record.market_value_usd == Decimal(284500)
    assert record.last_sale_on == date(2019, 3, 14)
    assert record.extra == {"roof_cover_code": "COMPOSITION"}
    assert record.apn == "R-1/A"


async def test_a_parcel_number_cannot_leave_its_place_in_the_path(reader: HtmlSite, site: Site) -> None:
    assert await reader.look_up(ParcelQuery(apn="../admin?x=1")) is None
    assert site.asked[-1] == "https://county.test/property/..%2Fadmin%3Fx%3D1"


async def test_an_unknown_parcel_is_none(reader: HtmlSite) -> None:
    assert await reader.look_up(ParcelQuery(apn="R-2")) is None


@pytest.mark.parametrize(
    "href", ["property/R-1%2FA", "https://evil.test/steal/R-1%2FA", "//evil.test/R-1%2FA"]
)
async def test_a_hit_gives_its_number_never_its_address(reader: HtmlSite, site: Site, href: str) -> None:
    site.pages["/search"] = httpx.Response(
        200, html=f"<table id=results><tr><td><a href='{href}'>x</a></table>"
    )
    record = await reader.look_up(ParcelQuery(street="101 N Oak St"))
    assert record is not None
    assert record.year_built == 1987
    assert not any("evil.test" in url for url in site.asked)


async def test_no_hit_is_none(reader: HtmlSite, site: Site) -> None:
    site.pages["/search"] = httpx.Response(200, html="<p>No records found.</p>")
    assert await reader.look_up(ParcelQuery(street="1 Nowhere")) is None


async def test_nothing_to_look_for_is_an_error(reader: HtmlSite) -> None:
    with pytest.raises(InvalidInput):
        await reader.look_up(ParcelQuery())


@pytest.mark.parametrize(
    "page",
    [httpx.Response(200, html="<p>We have moved.</p>"), httpx.Response(200, json={"owner": "x"})],
)
async def test_a_page_of_another_kind_is_bad(reader: HtmlSite, site: Site, page: httpx.Response) -> None:
    site.pages["/property/R-9"] = page
    with pytest.raises(ProviderBadAnswer):
        await reader.look_up(ParcelQuery(apn="R-9"))


@pytest.mark.parametrize("zero", ["0", "$0", "", "N/A", "UNKNOWN"])
async def test_zero_and_words_stand_for_unknown(reader: HtmlSite, site: Site, zero: str) -> None:
    html = f"<table><tr><th>Owner</th><td>X</td></tr><tr><th>Year Built</th><td>{zero}</td></tr></table>"
    site.pages["/property/R-3"] = httpx.Response(200, html=html)
    record = await reader.look_up(ParcelQuery(apn="R-3"))
    assert record is not None
    assert record.year_built is None


def hits(*numbers: str) -> httpx.Response:
    links = "".join(f"<tr><td><a href='property/{number}'>{number}</a></td></tr>" for number in numbers)
    return httpx.Response(200, html=f"<table id=results>{links}</table>")


def at(address: str) -> httpx.Response:
    return httpx.Response(
        200, html=f"<table><tr><th>Owner</th><td>X</td></tr><tr><th>Situs</th><td>{address}</td></tr></table>"
    )


ADDRESSED = RECIPE.model_copy(
    update={"fields": (*RECIPE.fields, FieldRule(field="situs_address", labels=("Situs",)))}
)


@pytest.mark.parametrize(
    ("street", "found"), [("101 N Oak St", "R-5"), ("103 N Oak St", None), ("101 N Oak St Apt 7", None)]
)
async def test_a_hit_is_the_house_that_was_asked_for_or_none(
    site: Site, street: str, found: str | None
) -> None:
    site.pages |= {
        "/search": hits("R-4", "R-5"),
        "/property/R-4": at("1010 N OAK ST, TOWN TX 76001"),
        "/property/R-5": at("101 NORTH OAK STREET UNIT 2, TOWN TX 76001"),
    }
    reader = HtmlSite(
        ADDRESSED,
        SOURCE,
        plain_reader(httpx.AsyncClient(transport=httpx.MockTransport(site))),
        base_url="https://county.test",
    )
    record = await reader.look_up(ParcelQuery(street=street))
    assert (record.apn if record else None) == found


async def test_a_search_that_shows_the_house_itself_needs_no_second_page(
    reader: HtmlSite, site: Site
) -> None:
    site.pages["/search"] = httpx.Response(200, html=DETAIL)
    record = await reader.look_up(ParcelQuery(street="101 N Oak St"))
    assert record is not None
    assert record.year_built == 1987
    assert not any("/property/" in url for url in site.asked)


@pytest.mark.parametrize(("unknown", "beds"), [(True, None), (False, 0)])
async def test_zero_is_unknown_where_the_county_says_so(site: Site, unknown: bool, beds: int | None) -> None:
    rule = FieldRule(field="bedrooms", kind="whole", labels=("Bedrooms",), zero_is_unknown=unknown)
    site.pages["/property/R-6"] = httpx.Response(
        200,
        html="<table><tr><th>Owner</th><td>X</td></tr><tr><th>Bedrooms</th><td>0</td></tr></table>",
    )
    recipe = RECIPE.model_copy(update={"fields": (*RECIPE.fields, rule)})
    pages = plain_reader(httpx.AsyncClient(transport=httpx.MockTransport(site)))
    record = await HtmlSite(recipe, SOURCE, pages, base_url="https://county.test").look_up(
        ParcelQuery(apn="R-6")
    )
    assert record is not None
    assert record.bedrooms == beds
