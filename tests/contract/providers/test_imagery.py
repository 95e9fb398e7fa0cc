"""Every vendor of pictures, from above and from the street, against the sandbox."""

from __future__ import annotations

import base64
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr, ValidationError

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected, ProviderUnavailable
from shared.providers import imagery
from shared.providers.imagery import SPANS_M, FetchedImage, Mosaic, OrthoService, StreetView
from shared.providers.imagery.live import google_signed
from shared.providers.settings import ProviderSettings
from shared.sandbox.vendors.orthophotos import FLOWN_DAYS_AGO
from shared.sandbox.vendors.static_maps import SIGNING_KEY
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint
from tests.contract.providers.conftest import contract_of

NOWHERE = GeoPoint(lat=45.0, lng=-110.0)
FLOWN = date(2026, 11, 20) - timedelta(days=FLOWN_DAYS_AGO)
SIGNING_SECRET = base64.urlsafe_b64encode(SIGNING_KEY).decode()


@pytest.fixture
async def houses(control: Any) -> list[GeoPoint]:
    answer = await control.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})
    return [GeoPoint(lat=row["latitude"], lng=row["longitude"]) for row in answer.json()["parcels"][:12]]


ORTHO: dict[str, dict[str, Any]] = {
    "imageserver": {
        "service_path": "rest/services/Harrow_Ortho/ImageServer",
        "captured_field": "AcquisitionDate",
    },
    "wmts": {
        "service_path": "1.0.0/harrow_ortho/default/GoogleMapsCompatible/{TileMatrix}/{TileRow}/{TileCol}.jpg",
        "captured_on": FLOWN,
        "bbox": [-99.0, 32.3, -98.8, 32.5],
    },
}
"""Facts of the town's services as a city's image_sources hold them."""


def service(kind: str, **changes: Any) -> OrthoService:
    """The town's orthophotos."""
    facts = {"key": f"harrow_{kind}", "kind": kind, "metres_per_pixel": 0.1, **ORTHO[kind], **changes}
    return OrthoService.model_validate(facts)


@pytest.fixture
def nadir(world: Any, settings: Any) -> imagery.NadirImagery:
    return imagery.build_nadir(settings.model_copy(update={"nadir_imagery": "stac"}), world.deps)[0]


@pytest.fixture(params=["stac", "nearmap", "usgs", "imageserver", "wmts"])
def any_nadir(request: pytest.FixtureRequest, world: Any, settings: Any) -> imagery.NadirImagery:
    """Each vendor whose pictures come as files."""
    kind = request.param
    order = "public_ortho" if kind in ORTHO else kind
    services = () if kind == order else (service(kind),)
    return imagery.build_nadir(settings.model_copy(update={"nadir_imagery": order}), world.deps, services)[0]


@pytest.fixture
def street(world: Any, settings: Any) -> imagery.StreetImagery:
    return imagery.build_street(settings, world.deps)


def opened(image: FetchedImage) -> Image.Image:
    """The picture as it is meant: tiles put together and cut."""
    if isinstance(image.body, bytes):
        return Image.open(io.BytesIO(image.body)).convert("RGB")
    tiles = [[Image.open(io.BytesIO(tile)) for tile in row] for row in image.body.rows]
    whole = Image.new("RGB", (256 * len(tiles[0]), 256 * len(tiles)))
    for row, line in enumerate(tiles):
        for column, tile in enumerate(line):
            whole.paste(tile, (256 * column, 256 * row))
    left, top, side = image.body.left, image.body.top, image.body.side
    return whole.crop((left, top, left + side, top + side))


class TestEveryVendorFromAbove:
    async def test_pictures_that_cover_a_house_come_newest_first(
        self, any_nadir: Any, houses: list[GeoPoint]
    ) -> None:
        offers = await any_nadir.find(houses[0])
        assert offers
        days = [offer.captured_on for offer in offers if offer.captured_on]
        assert days == sorted(days, reverse=True)
        assert all(day < date(2026, 11, 20) for day in days)
        assert bool(days) is (any_nadir.name != "usgs")
        for offer in offers:
            assert 0 < offer.metres_per_pixel <= 1
            assert offer.source == any_nadir.source

    async def test_a_picture_has_its_size_its_ground_and_its_source(
        self, any_nadir: Any, houses: list[GeoPoint]
    ) -> None:
        offer = next(iter(await any_nadir.find(houses[0])))
        for level in offer.levels:
            image = await any_nadir.fetch(offer, level)
            picture = opened(image)
            assert picture.size[0] == picture.size[1]
            assert picture.size[0] >= 128
            assert picture.size[0] * image.metres_per_pixel == pytest.approx(SPANS_M[level], rel=0.03)
            assert image.source == any_nadir.source

    async def test_since_leaves_older_ones_out(self, any_nadir: Any, houses: list[GeoPoint]) -> None:
        whole = await any_nadir.find(houses[0])
        recent = await any_nadir.find(houses[0], since=date(2026, 1, 1))
        assert {o.image_id for o in recent} == {
            o.image_id for o in whole if o.captured_on and o.captured_on >= date(2026, 1, 1)
        }

    async def test_open_country_has_none(self, any_nadir: Any) -> None:
        assert list(await any_nadir.find(NOWHERE)) == []

    async def test_what_is_no_picture_is_told(
        self, any_nadir: Any, houses: list[GeoPoint], fault: Any
    ) -> None:
        offer = next(iter(await any_nadir.find(houses[0])))
        match = {"stac": "/assets", "nearmap": "/tiles"}.get(any_nadir.name, "")
        await fault(any_nadir.name, "html", count=5, match=match)
        with pytest.raises(ProviderBadAnswer):
            await any_nadir.fetch(offer)

    async def test_a_vendor_that_is_down_is_retryable(
        self, any_nadir: Any, houses: list[GeoPoint], fault: Any
    ) -> None:
        offer = next(iter(await any_nadir.find(houses[0])))
        await fault(any_nadir.name, "503", count=5)
        with pytest.raises(ProviderUnavailable):
            await any_nadir.fetch(offer)


class TestCutPictures:
    async def test_tiles_and_an_exported_square_show_the_same_ground(
        self, world: Any, settings: Any, houses: list[GeoPoint]
    ) -> None:
        order = settings.model_copy(update={"nadir_imagery": "public_ortho"})
        pair = imagery.build_nadir(order, world.deps, (service("imageserver"), service("wmts")))
        at = houses[0]
        pictures = [
            opened(await vendor.fetch(next(iter(await vendor.find(at))))).resize((120, 120))
            for vendor in pair
        ]
        exported, stitched = (np.asarray(picture, float).mean(axis=2) for picture in pictures)
        moved = np.roll(stitched, 12, axis=1)
        assert np.abs(exported - stitched).mean() < 0.6 * np.abs(exported - moved).mean()

    async def test_a_hole_in_the_tiles_and_a_refusal_inside_200_are_refusals(
        self, world: Any, settings: Any, houses: list[GeoPoint]
    ) -> None:
        order = settings.model_copy(update={"nadir_imagery": "public_ortho"})
        hole = service("wmts", bbox=None)
        wrong = service("imageserver", service_path="rest/services/Nowhere_Ortho/ImageServer")
        tiles, server = imagery.build_nadir(order, world.deps, (hole, wrong))
        offer = next(iter(await tiles.find(NOWHERE)))
        with pytest.raises(ProviderRejected, match="no tile"):
            await tiles.fetch(offer)
        with pytest.raises(ProviderRejected, match="inside 200"):
            await server.find(houses[0])

    async def test_nearmap_is_asked_for_coverage_free_and_paid_by_the_tile(
        self, world: Any, settings: Any, houses: list[GeoPoint]
    ) -> None:
        (vendor,) = imagery.build_nadir(settings.model_copy(update={"nadir_imagery": "nearmap"}), world.deps)
        offer = next(iter(await vendor.find(houses[0])))
        assert world.purse.settled == []
        image = await vendor.fetch(offer)
        assert isinstance(image.body, Mosaic)
        tiles = sum(len(row) for row in image.body.rows)
        assert world.purse.settled == [settings.nearmap_tile_cost_usd] * tiles
        bought = [r.url.params for r in world.requests if "/tiles/" in r.url.path]
        assert {(p["since"], p["until"]) for p in bought} == {(str(offer.captured_on),) * 2}
        assert "sandbox" not in repr(world.usage.rows[-1].params)

    @pytest.mark.parametrize(
        "facts",
        [
            {"kind": "wmts", "service_path": "1.0.0/{TileMatrix}/{TileRow}.jpg"},
            {"kind": "imageserver"},
            {"kind": "imageserver", "service_url": "ftp://a/ImageServer"},
            {"kind": "imageserver", "service_path": "a", "metres_per_pixel": 0},
        ],
    )
    def test_a_service_that_cannot_be_read_is_refused(self, facts: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            OrthoService.model_validate({"key": "k", "metres_per_pixel": 0.1, **facts})


class TestShownOnly:
    @pytest.fixture(params=["google_static", "mapbox_static"])
    def live(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> imagery.LiveNadir:
        update = {"live_imagery": request.param, "google_url_signing_secret": SecretStr(SIGNING_SECRET)}
        return imagery.build_live(settings.model_copy(update=update), world.deps)[0]

    async def test_an_address_leads_a_browser_to_the_picture_and_nothing_is_fetched(
        self, live: Any, houses: list[GeoPoint], world: Any, control: Any, contracts: Path | None
    ) -> None:
        spans = []
        for level in ImageLevel:
            view = live.view(houses[0], level)
            url = await live.live_url(view.address)
            spans.append(view.width * view.metres_per_pixel)
            if contracts:
                contract = contract_of(contracts, httpx.Request("GET", url))
                assert contract is not None
                assert contract.check(httpx.Request("GET", url))
            shown = await control.get(url)
            assert Image.open(io.BytesIO(shown.content)).size == (view.width, view.height)
            assert "sandbox" not in view.address
            assert view.captured_on is None
        assert spans == sorted(spans)
        assert spans[0] >= SPANS_M[ImageLevel.ROOF] * 0.99
        assert world.requests == []
        assert not hasattr(live, "fetch")
        assert len(world.purse.settled) == len(ImageLevel)
        assert [row.endpoint for row in world.usage.rows] == [world.usage.rows[0].endpoint] * 3

    async def test_googles_address_works_as_signed_and_not_otherwise(
        self, world: Any, settings: Any, control: Any, houses: list[GeoPoint]
    ) -> None:
        signing = settings.model_copy(update={"google_url_signing_secret": SecretStr(SIGNING_SECRET)})
        google = imagery.build_live(signing.model_copy(update={"live_imagery": "google_static"}), world.deps)[
            0
        ]
        url = await google.live_url(google.view(houses[0], ImageLevel.ROOF).address)
        assert (await control.get(url)).status_code == 200
        assert (await control.get(url.replace("zoom=", "zoom=1"))).status_code == 403

    def test_googles_own_example_of_a_signature(self) -> None:
        path = "/maps/api/staticmap?center=30.2672,-97.7431&zoom=20&size=640x640&maptype=satellite&key=KEY"
        signed = google_signed(f"https://maps.googleapis.com{path}", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM=")
        assert signed.endswith("&signature=Bnl5REvzFyORszzUsn08wB2gXHM=")

    async def test_a_panorama_can_be_shown_as_it_can_be_fetched(
        self, street: Any, houses: list[GeoPoint], control: Any, contracts: Path | None
    ) -> None:
        seen = [panorama for house in houses if (panorama := await street.find(house)) is not None]
        view = StreetView(heading=90, width=320, height=320)
        url = await street.live_url(street.live(seen[0], view).address)
        if contracts:
            contract = contract_of(contracts, httpx.Request("GET", url))
            assert contract is not None
            assert contract.check(httpx.Request("GET", url))
        fetched = await street.fetch(seen[0], view)
        assert (await control.get(url)).content == fetched.body


class TestNaip:
    async def test_a_box_holds_the_house(self, nadir: Any, houses: list[GeoPoint]) -> None:
        for offer in await nadir.find(houses[0]):
            west, south, east, north = offer.bbox
            assert west < houses[0].lng < east
            assert south < houses[0].lat < north
            assert offer.source == "naip"


def test_vendors_come_in_the_order_of_the_setting_and_without_key_not_at_all(world: Any) -> None:
    settings = ProviderSettings(sandbox_url="", nadir_imagery="nearmap,stac", nearmap_api_key="")
    assert [vendor.name for vendor in imagery.build_nadir(settings, world.deps)] == ["stac"]
    assert imagery.build_live(settings, world.deps) == ()
    keyed = settings.model_copy(update={"nearmap_api_key": SecretStr("k")})
    assert [vendor.name for vendor in imagery.build_nadir(keyed, world.deps)] == ["nearmap", "stac"]
    with pytest.raises(InvalidInput, match="no imagery is called"):
        imagery.build_nadir(settings.model_copy(update={"nadir_imagery": "stac,landsat"}), world.deps)


class TestFromTheStreet:
    async def test_a_house_is_seen_where_a_car_came_by(
        self, street: Any, houses: list[GeoPoint], world: Any
    ) -> None:
        seen = [panorama for house in houses if (panorama := await street.find(house)) is not None]
        assert len(seen) >= 6
        assert world.purse.settled == []
        picture = await street.fetch(seen[0], StreetView(heading=90, width=320, height=320))
        assert Image.open(io.BytesIO(picture.body)).size == (320, 320)
        assert picture.source == "licensed_street"
        assert len(world.purse.settled) == 1

    async def test_open_country_has_no_panorama(self, street: Any) -> None:
        assert await street.find(NOWHERE) is None

    async def test_a_bad_key_is_refused(self, world: Any, settings: Any, houses: list[GeoPoint]) -> None:
        bad = settings.model_copy(update={"streetview_api_key": type(settings.streetview_api_key)("bad")})
        with pytest.raises(ProviderRejected) as caught:
            await imagery.build_street(bad, world.deps).find(houses[0])
        assert caught.value.fields["reason"] == "auth"
