"""Census, STAC, street pictures, NCEI and SPC."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import Any

import httpx
import orjson
import pytest

from shared.errors import BudgetExceeded, ProviderBadAnswer, ProviderError, ProviderRejected
from shared.providers.geocoder import Accuracy, PostalAddress
from shared.providers.geocoder.census import CensusGeocoder
from shared.providers.imagery import NadirOffer, StreetView
from shared.providers.imagery.stac import StacImagery
from shared.providers.imagery.street import StreetViewImagery
from shared.providers.storm_feed.ncei import Ncei
from shared.providers.storm_feed.nws import LocalStormReports, NwsAlerts
from shared.providers.storm_feed.spc import Spc
from shared.providers.storm_feed.swdi import Swdi
from shared.schemas.geo import GeoPoint

HOME = PostalAddress("p1", "101 N Oak St", "Harrow", "TX", "76999")
POINT = GeoPoint(lat=32.4, lng=-98.9)


class TestCensus:
    async def test_x_is_the_longitude(self, world: Any, settings: Any) -> None:
        match = {"matchedAddress": "101 N OAK ST, HARROW, TX, 76999", "coordinates": {"x": -98.9, "y": 32.4}}
        world.answer = lambda _: httpx.Response(200, json={"result": {"addressMatches": [match]}})
        found = await CensusGeocoder(settings, world.deps).locate(HOME)
        assert found is not None
        assert found.point == POINT
        assert found.accuracy is Accuracy.INTERPOLATED

    async def test_no_match_is_none(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"result": {"addressMatches": []}})
        assert await CensusGeocoder(settings, world.deps).locate(HOME) is None

    async def test_swapped_axes_are_refused(self, world: Any, settings: Any) -> None:
        match = {"matchedAddress": "", "coordinates": {"x": 32.4, "y": -98.9}}
        world.answer = lambda _: httpx.Response(200, json={"result": {"addressMatches": [match]}})
        with pytest.raises(ProviderBadAnswer, match="outside the United States"):
            await CensusGeocoder(settings, world.deps).locate(HOME)

    async def test_a_batch_is_joined_by_number_whatever_its_order(self, world: Any, settings: Any) -> None:
        reply = (
            '"2","3 ELM ST, HARROW, TX","Tie"\n'
            '"1","102 N OAK ST","Match","Non_Exact","102 N OAK ST, HARROW","-98.91,32.41","1","L"\n'
            '"0","101 N OAK ST","Match","Exact","101 N OAK ST, HARROW","-98.9,32.4","1","L"\n'
        )
        world.answer = lambda _: httpx.Response(200, text=reply)
        addresses = [PostalAddress(key, "x", "Harrow", "TX") for key in ("a", "b", "c")]
        found = await CensusGeocoder(settings, world.deps).locate_many(addresses)
        assert {key: match.point.lat for key, match in found.items()} == {"a": 32.4, "b": 32.41}
        assert (found["a"].exact, found["b"].exact) == (True, False)

    async def test_a_batch_of_something_else_is_bad(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, html="<html>busy</html>")
        with pytest.raises(ProviderBadAnswer):
            await CensusGeocoder(settings, world.deps).locate_many([HOME])

    async def test_addresses_are_not_kept_in_cost_rows(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"result": {"addressMatches": []}})
        await CensusGeocoder(settings, world.deps).locate(HOME)
        assert "Oak" not in repr(world.usage.rows)


def item(number: int, year: int, **changes: Any) -> dict[str, Any]:
    asset = {"href": f"https://planetarycomputer.microsoft.com/a/{number}.png", "type": "image/png"}
    return {
        "id": f"item-{number}", "bbox": [-99, 32, -98, 33], "assets": {"image": asset},
        "properties": {"datetime": f"{year}-06-01T16:00:00Z", "gsd": 0.6}, **changes,
    }  # fmt: skip


class TestStac:
    async def test_pages_are_followed_by_token_and_the_newest_comes_first(
        self, world: Any, settings: Any
    ) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content)
            if body.get("token"):
                return httpx.Response(200, json={"type": "FeatureCollection", "features": [item(2, 2024)]})
            link = {
                "rel": "next",
                "href": "https://evil.test/",
                "method": "POST",
                "body": {**body, "token": "t"},
            }
            return httpx.Response(
                200, json={"type": "FeatureCollection", "features": [item(1, 2022)], "links": [link]}
            )

        world.answer = answer
        offers = await StacImagery(settings, world.deps).find(POINT)
        assert [offer.image_id for offer in offers] == ["item-2", "item-1"]
        assert offers[0].metres_per_pixel == 0.6
        assert {request.url.host for request in world.requests} == {"planetarycomputer.microsoft.com"}

    async def test_intersects_is_longitude_first_and_alone(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"features": []})
        await StacImagery(settings, world.deps).find(POINT, since=date(2018, 1, 1))
        body = json.loads(world.requests[0].content)
        assert body["intersects"]["coordinates"] == [-98.9, 32.4]
        assert "bbox" not in body
        assert body["datetime"] == "2018-01-01T00:00:00Z/.."

    async def test_a_picture_is_fetched_through_its_signed_address(self, world: Any, settings: Any) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/api/sas/v1/sign":
                return httpx.Response(200, json={"href": f"{request.url.params['href']}?sig=abc"})
            return httpx.Response(200, content=b"\x89PNG", headers={"content-type": "image/png"})

        world.answer = answer
        offer = NadirOffer("naip", "i", "https://blob.test/a.png", "image/png", date(2024, 1, 1), 0.6)
        picture = await StacImagery(settings, world.deps).fetch(offer)
        assert picture.body == b"\x89PNG"
        assert picture.source == "naip"
        assert str(world.requests[-1].url) == "https://blob.test/a.png?sig=abc"

    async def test_a_geotiff_is_not_fetched_whole(self, world: Any, settings: Any) -> None:
        offer = NadirOffer("naip", "i", "https://blob.test/a.tif", "image/tiff", date(2024, 1, 1), 0.6)
        with pytest.raises(ProviderRejected, match="not fetched whole"):
            await StacImagery(settings, world.deps).fetch(offer)
        assert world.requests == []

    async def test_html_instead_of_a_picture_is_bad(self, world: Any, settings: Any) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if "sign" in request.url.path:
                return httpx.Response(200, json={"href": request.url.params["href"]})
            return httpx.Response(200, html="<html>expired</html>")

        world.answer = answer
        offer = NadirOffer("naip", "i", "https://blob.test/a.png", "image/png", date(2024, 1, 1), 0.6)
        with pytest.raises(ProviderBadAnswer):
            await StacImagery(settings, world.deps).fetch(offer)


PANO = {"status": "OK", "pano_id": "p1", "date": "2023-05", "location": {"lat": 32.4, "lng": -98.9}}


class TestStreet:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            ("OVER_QUERY_LIMIT", BudgetExceeded),
            ("REQUEST_DENIED", ProviderRejected),
            ("INVALID_REQUEST", ProviderRejected),
            ("UNKNOWN_ERROR", ProviderError),
            ("SOMETHING_NEW", ProviderBadAnswer),
        ],
    )
    async def test_the_status_in_the_body_decides(
        self, world: Any, settings: Any, status: str, error: type
    ) -> None:
        world.answer = lambda _: httpx.Response(200, json={"status": status})
        with pytest.raises(error):
            await StreetViewImagery(settings, world.deps).find(POINT)

    @pytest.mark.parametrize("status", ["ZERO_RESULTS", "NOT_FOUND"])
    async def test_no_panorama_is_none_and_free(self, world: Any, settings: Any, status: str) -> None:
        world.answer = lambda _: httpx.Response(200, json={"status": status})
        assert await StreetViewImagery(settings, world.deps).find(POINT) is None
        assert world.purse.settled == []

    async def test_a_picture_is_bought_with_its_heading(self, world: Any, settings: Any) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("metadata"):
                return httpx.Response(200, json=PANO)
            return httpx.Response(200, content=b"\xff\xd8", headers={"content-type": "image/jpeg"})

        world.answer = answer
        street = StreetViewImagery(settings, world.deps)
        panorama = await street.find(POINT)
        assert panorama is not None
        assert panorama.captured_on == date(2023, 5, 1)
        picture = await street.fetch(panorama, StreetView(heading=-90))
        assert picture is not None
        asked = world.requests[-1].url.params
        assert (asked["heading"], asked["return_error_code"]) == ("270.0", "true")
        assert len(world.purse.settled) == 1
        assert "street-secret" not in repr(world.usage.rows)

    async def test_googles_pictures_keep_googles_licence(self, world: Any, settings: Any) -> None:
        assert StreetViewImagery(settings, world.deps).source == "google_streetview"
        elsewhere = settings.model_copy(update={"streetview_base_url": "https://unknown.test"})
        assert StreetViewImagery(elsewhere, world.deps).source == "google_streetview"


LISTING = """<html><pre><a href="../">Parent</a>
<a href="StormEvents_details-ftp_v1.0_d2024_c20250101.csv.gz">x</a>
<a href="StormEvents_details-ftp_v1.0_d2024_c20250401.csv.gz">x</a>
<a href="StormEvents_details-ftp_v1.0_d2025_c20260301.csv.gz">x</a>
<a href="StormEvents_details-ftp_v1.0_d1950_c20210803.csv.gz">x</a>
<a href="StormEvents_fatalities-ftp_v1.0_d2025_c20260301.csv.gz">x</a></pre></html>"""


class TestStormFiles:
    async def test_the_newest_issue_of_each_year_is_offered(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, html=LISTING)
        refs = await Ncei(settings, world.deps).available(date(2024, 6, 1), date(2026, 1, 1))
        assert [(ref.starts_on.year, ref.issue) for ref in refs] == [(2024, "20250401"), (2025, "20260301")]

    async def test_a_page_without_files_is_bad(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, html="<html>maintenance</html>")
        with pytest.raises(ProviderBadAnswer):
            await Ncei(settings, world.deps).available(date(2024, 1, 1), date(2024, 12, 31))

    async def test_a_year_is_kept_compressed(self, world: Any, settings: Any) -> None:
        packed = gzip.compress(b"BEGIN_YEARMONTH\n")
        ncei = Ncei(settings, world.deps)
        world.answer = lambda request: httpx.Response(
            200, **({"html": LISTING} if request.url.path.endswith("/") else {"content": packed})
        )
        (ref,) = await ncei.available(date(2025, 1, 1), date(2025, 2, 1))
        found = await ncei.download(ref)
        assert found is not None
        assert found.body == packed

    async def test_spc_has_three_files_a_day(self, world: Any, settings: Any) -> None:
        refs = await Spc(settings, world.deps).available(date(2026, 2, 27), date(2026, 3, 1))
        assert [ref.name for ref in refs][:4] == [
            "260227_rpts_torn.csv", "260227_rpts_hail.csv", "260227_rpts_wind.csv", "260228_rpts_torn.csv",
        ]  # fmt: skip
        assert len(refs) == 9

    async def test_a_day_without_a_file_is_none(self, world: Any, settings: Any) -> None:
        spc = Spc(settings, world.deps)
        world.answer = lambda _: httpx.Response(404)
        ref = (await spc.available(date(2026, 2, 27), date(2026, 2, 27)))[0]
        assert await spc.download(ref) is None

    async def test_alerts_are_read_page_by_page_and_told_apart_by_their_day(
        self, world: Any, settings: Any
    ) -> None:
        pages = {
            None: {
                "features": [1],
                "pagination": {"next": "https://api.weather.gov/alerts?limit=1&cursor=c2"},
            },
            "c2": {"features": [2]},
        }
        asked = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(dict(request.url.params))
            return httpx.Response(200, json=pages[request.url.params.get("cursor")])

        world.answer = answer
        alerts = NwsAlerts(settings, world.deps)
        refs = await alerts.available(date(2026, 1, 1), date(2026, 3, 10))
        found = await alerts.download(refs[-1])
        assert [ref.starts_on for ref in refs] == [date(2026, 3, day) for day in range(4, 11)]
        assert found is not None
        assert orjson.loads(found.body)["features"] == [1, 2]
        assert (asked[0]["start"], asked[0]["end"]) == ("2026-03-10T00:00:00Z", "2026-03-10T23:59:59Z")

    @pytest.mark.parametrize(
        "body", [{"rows": []}, {"features": [], "pagination": {"next": "https://a/alerts?cursor=same"}}]
    )
    async def test_alerts_without_features_or_without_an_end_are_bad(
        self, world: Any, settings: Any, body: dict[str, Any]
    ) -> None:
        world.answer = lambda _: httpx.Response(200, json=body)
        alerts = NwsAlerts(settings, world.deps)
        (ref,) = await alerts.available(date(2026, 3, 1), date(2026, 3, 1))
        with pytest.raises(ProviderBadAnswer):
            await alerts.download(ref)

    async def test_a_local_report_is_its_text_or_gone(self, world: Any, settings: Any) -> None:
        listed = {"@graph": [{"id": "a"}, {"id": "b"}]}
        texts = {
            "/products/a": httpx.Response(200, json={"productText": "LSR"}),
            "/products/b": httpx.Response(404),
        }
        world.answer = lambda request: texts.get(
            request.url.path.removeprefix("/nws"), httpx.Response(200, json=listed)
        )
        reports = LocalStormReports(settings, world.deps)
        first, second = await reports.available(date(2026, 3, 1), date(2026, 3, 1))
        found = await reports.download(first)
        assert found is not None
        assert (found.body, first.name) == (b"LSR", "LSR_a.txt")
        assert await reports.download(second) is None
        texts["/products/a"] = httpx.Response(200, json={"id": "a"})
        with pytest.raises(ProviderBadAnswer):
            await reports.download(first)

    async def test_swdi_is_asked_by_the_week_and_must_name_itself(self, world: Any, settings: Any) -> None:
        swdi = Swdi(settings, world.deps)
        refs = await swdi.available(date(2026, 3, 1), date(2026, 3, 10))
        assert [(ref.starts_on.day, ref.ends_on.day) for ref in refs] == [(1, 7), (8, 10)]
        world.answer = lambda request: httpx.Response(
            200, text=f"<swdiXmlResponse>{request.url.path}</swdiXmlResponse>"
        )
        found = await swdi.download(refs[1])
        assert found is not None
        assert b"/swdiws/xml/plsr/20260308:20260311" in found.body
        world.answer = lambda _: httpx.Response(200, html="<html>moved</html>")
        with pytest.raises(ProviderBadAnswer):
            await swdi.download(refs[1])

    async def test_html_instead_of_reports_is_bad(self, world: Any, settings: Any) -> None:
        spc = Spc(settings, world.deps)
        world.answer = lambda _: httpx.Response(200, html="<html>moved</html>")
        ref = (await spc.available(date(2026, 2, 27), date(2026, 2, 27)))[0]
        with pytest.raises(ProviderBadAnswer):
            await spc.download(ref)
