"""Pictures from above and from the street against the sandbox."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from PIL import Image

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers import imagery
from shared.providers.imagery import StreetView
from shared.schemas.geo import GeoPoint

NOWHERE = GeoPoint(lat=45.0, lng=-110.0)


@pytest.fixture
async def houses(control: Any) -> list[GeoPoint]:
    answer = await control.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})
    return [GeoPoint(lat=row["latitude"], lng=row["longitude"]) for row in answer.json()["parcels"][:12]]


@pytest.fixture
def nadir(world: Any, settings: Any) -> imagery.NadirImagery:
    return imagery.build_nadir(settings, world.deps)


@pytest.fixture
def street(world: Any, settings: Any) -> imagery.StreetImagery:
    return imagery.build_street(settings, world.deps)


class TestFromAbove:
    async def test_pictures_that_cover_a_house_come_newest_first(
        self, nadir: Any, houses: list[GeoPoint]
    ) -> None:
        offers = [offer for house in houses for offer in await nadir.find(house)]
        assert offers
        first = await nadir.find(houses[0])
        assert [o.captured_on for o in first] == sorted((o.captured_on for o in first), reverse=True)
        for offer in first:
            west, south, east, north = offer.bbox
            assert west < houses[0].lng < east
            assert south < houses[0].lat < north
            assert 0 < offer.metres_per_pixel <= 1
            assert offer.source == "naip"

    async def test_a_picture_can_be_opened(self, nadir: Any, houses: list[GeoPoint]) -> None:
        offers = [offer for house in houses[:3] for offer in await nadir.find(house)]
        picture = await nadir.fetch(offers[0])
        assert Image.open(io.BytesIO(picture.body)).size[0] >= 100

    async def test_since_leaves_older_ones_out(self, nadir: Any, houses: list[GeoPoint]) -> None:
        whole = await nadir.find(houses[0])
        recent = await nadir.find(houses[0], since=date(2026, 1, 1))
        assert {o.image_id for o in recent} == {
            o.image_id for o in whole if o.captured_on >= date(2026, 1, 1)
        }

    async def test_open_country_has_none(self, nadir: Any) -> None:
        assert list(await nadir.find(NOWHERE)) == []

    async def test_what_is_no_picture_is_told(self, nadir: Any, houses: list[GeoPoint], fault: Any) -> None:
        offers = [offer for house in houses[:3] for offer in await nadir.find(house)]
        await fault("stac", "html", count=5, match="/assets")
        with pytest.raises(ProviderBadAnswer):
            await nadir.fetch(offers[0])


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
