"""One suite over every geocoder and one over every vendor of owner records, and the post, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import ProviderBadAnswer, ProviderError, ProviderRateLimited, ProviderRejected
from shared.providers import address_validator, geocoder, owner_records
from shared.providers.address_validator import AddressValidator, Delivery
from shared.providers.geocoder import Accuracy, Geocoder, PostalAddress
from shared.providers.owner_records import OwnerRecords
from shared.schemas.geo import GeoPoint

NOWHERE = PostalAddress("x", "1 Nowhere At All", "Harrow", "TX")
FAILURES = ["429", "500", "503", "drop", "html", "truncate"]


async def truth(control: Any) -> list[dict[str, Any]]:
    answer = await control.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})
    return list(answer.json()["parcels"])


def address_of(row: dict[str, Any]) -> PostalAddress:
    return PostalAddress(row["apn"], row["address"]["line"], "Harrow", "TX")


class TestGeocoders:
    @pytest.fixture(params=["census", "mapbox"])
    def maker(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> Geocoder:
        return geocoder.build(settings.model_copy(update={"geocoder": request.param}), world.deps)

    async def test_one_and_many_agree_and_are_near_the_truth(
        self, maker: Geocoder, world: Any, control: Any
    ) -> None:
        rows = {row["apn"]: row for row in (await truth(control))[:30]}
        addresses = [address_of(row) for row in rows.values()]
        many = await maker.locate_many(addresses)
        assert len(many) >= 15
        for address in addresses[:6]:
            single = await maker.locate(address)
            assert (single is None) == (address.key not in many)
        for key, found in many.items():
            house = GeoPoint(lat=rows[key]["latitude"], lng=rows[key]["longitude"])
            near = 0.03 if found.accuracy is Accuracy.INTERPOLATED else 0.001
            assert found.point.miles_to(house) < near
            assert found.zip_code == rows[key]["address"]["zip5"]
        assert world.purse.open == {}

    async def test_nonsense_matches_nothing(self, maker: Geocoder) -> None:
        assert await maker.locate(NOWHERE) is None
        assert await maker.locate_many([NOWHERE]) == {}

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_every_failure_is_one_of_ours(self, maker: Geocoder, fault: Any, kind: str) -> None:
        await fault(maker.name, kind, count=20, retry_after=60)
        with pytest.raises(ProviderError) as caught:
            await maker.locate(NOWHERE)
        assert isinstance(caught.value, ProviderBadAnswer) == (kind in ("html", "truncate"))


class TestMapbox:
    async def test_a_house_known_by_its_street_alone_is_no_match(
        self, world: Any, settings: Any, control: Any
    ) -> None:
        maker = geocoder.build(settings.model_copy(update={"geocoder": "mapbox"}), world.deps)
        addresses = [address_of(row) for row in (await truth(control))[:100]]
        found = await maker.locate_many(addresses)
        assert 80 < len(found) < 100
        assert {(one.accuracy, one.exact) for one in found.values()} == {(Accuracy.ROOFTOP, True)}

    async def test_every_address_is_paid_and_only_what_may_be_stored_is_asked_for(
        self, world: Any, settings: Any, control: Any
    ) -> None:
        maker = geocoder.build(settings.model_copy(update={"geocoder": "mapbox"}), world.deps)
        addresses = [address_of(row) for row in (await truth(control))[:10]]
        await maker.locate_many(addresses)
        await maker.locate(NOWHERE)
        assert sum(world.purse.settled) == 11 * settings.mapbox_geocode_cost_usd
        assert all(sent.url.params["permanent"] == "true" for sent in world.requests)
        assert "sandbox" not in repr([row.params for row in world.usage.rows])
        assert "Nowhere" not in repr([row.params for row in world.usage.rows])


class TestOwnerRecords:
    @pytest.fixture(params=["attom", "melissa"])
    def records(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> OwnerRecords:
        made = settings.model_copy(update={"owner_records": request.param})
        return owner_records.build(made, world.deps)[0]

    async def test_the_owner_is_the_countys_and_every_find_is_paid(
        self, records: OwnerRecords, world: Any, control: Any
    ) -> None:
        rows = [row for row in (await truth(control))[:30] if not row["address"]["unit"]]
        answers = [await records.look_up(address_of(row)) for row in rows]
        for row, answer in zip(rows, answers, strict=True):
            assert answer.record is not None
            assert (answer.record.name, answer.record.apn) == (row["owner"]["name"], row["apn"])
            assert answer.record.mailing_address
        assert sum(world.purse.settled) == sum(one.cost for one in answers) == len(rows) * answers[0].cost > 0

    async def test_nobody_owns_a_house_that_is_not_there(self, records: OwnerRecords, world: Any) -> None:
        answer = await records.look_up(NOWHERE)
        assert (answer.record, answer.provider) == (None, records.name)
        assert world.purse.settled == [0]
        assert "Nowhere" not in repr([row.params for row in world.usage.rows])

    async def test_a_bad_key_is_refused(self, records: OwnerRecords, world: Any, settings: Any) -> None:
        bad = type(settings.hunter_api_key)("bad")
        made = settings.model_copy(update={"owner_records": records.name, f"{records.name}_api_key": bad})
        with pytest.raises(ProviderRejected) as caught:
            await owner_records.build(made, world.deps)[0].look_up(NOWHERE)
        assert caught.value.fields["reason"] == "auth"

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_paid_question_is_asked_once(
        self, records: OwnerRecords, world: Any, fault: Any, kind: str
    ) -> None:
        await fault(records.name, kind, count=20, retry_after=60)
        with pytest.raises(ProviderError) as caught:
            await records.look_up(NOWHERE)
        assert isinstance(caught.value, ProviderBadAnswer) == (kind in ("html", "truncate"))
        assert len(world.requests) == 1


class TestPost:
    @pytest.fixture
    def post(self, world: Any, settings: Any) -> AddressValidator:
        return address_validator.build(settings, world.deps)

    async def test_an_address_comes_back_as_the_post_writes_it(
        self, post: AddressValidator, world: Any, control: Any
    ) -> None:
        rows = [row for row in (await truth(control))[:30] if not row["address"]["unit"]]
        for row in rows[:5]:
            found = await post.validate(address_of(row))
            assert found is not None
            assert (found.street, found.zip_code) == (row["address"]["line"], row["address"]["zip5"])
            assert (found.delivery, found.exact) == (Delivery.DELIVERABLE, True)
        tokens = [sent for sent in world.requests if sent.url.path.endswith("/token")]
        assert len(tokens) == 1

    async def test_a_building_of_several_wants_the_unit(self, post: AddressValidator, control: Any) -> None:
        row = next(row for row in await truth(control) if row["address"]["unit"])
        street = row["address"]["line"].rpartition(f" {row['address']['unit']}")[0].rpartition(" ")[0]
        found = await post.validate(PostalAddress("x", street, "Harrow", "TX"))
        assert found is not None
        assert (found.delivery, found.exact) == (Delivery.UNIT_MISSING, False)

    async def test_an_address_that_is_none_is_none(self, post: AddressValidator) -> None:
        assert await post.validate(NOWHERE) is None

    async def test_a_token_taken_back_is_renewed(
        self, post: AddressValidator, world: Any, control: Any
    ) -> None:
        await post.validate(NOWHERE)
        await control.post("/_sandbox/reset")
        assert await post.validate(NOWHERE) is None
        assert sum(1 for sent in world.requests if sent.url.path.endswith("/token")) == 2

    async def test_the_hours_quota_is_kept_by_our_own_pace(self, world: Any, settings: Any) -> None:
        real = settings.model_copy(update={"sandbox_url": "", "usps_base_url": "http://sandbox.test/usps"})
        post = address_validator.build(real, world.deps)
        with pytest.raises(ProviderRateLimited) as caught:
            await post.validate(NOWHERE)  # the token alone was within the pace of one a minute
        assert 50 < caught.value.retry_after <= 60
        world.clock.now += 60
        assert await post.validate(NOWHERE) is None
        with pytest.raises(ProviderRateLimited):
            await post.validate(NOWHERE)
        assert len(world.requests) == 2
