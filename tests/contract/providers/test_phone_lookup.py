"""Vendors of phone facts against the sandbox."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderError, ProviderRejected
from shared.providers import phone_lookup
from shared.providers.phone_lookup import PhoneFacts, PhoneLookup
from shared.providers.settings import ProviderSettings

NUMBER = "+12145550142"


@pytest.fixture
def lookup(world: Any, settings: Any) -> PhoneLookup:
    made = phone_lookup.build(settings.model_copy(update={"phone_lookup": "twilio_lookups"}), world.deps)
    assert made is not None
    return made


async def test_line_type_and_carrier_are_told_for_their_price(
    lookup: PhoneLookup, world: Any, settings: Any
) -> None:
    facts = [await lookup.look_up(f"+1214555{last:04d}") for last in range(100, 200)]
    assert {one.line_type for one in facts} == {"mobile", "landline", "voip", None}
    assert all((one.line_type is None) == (one.carrier is None) for one in facts)
    assert sum(world.purse.settled) == len(facts) * settings.twilio_lookup_cost_usd
    assert "+1214555" not in repr([row.endpoint for row in world.usage.rows])


async def test_what_is_no_number_costs_nothing(lookup: PhoneLookup, world: Any) -> None:
    assert await lookup.look_up("+1214") == PhoneFacts("twilio_lookups", valid=False)
    assert world.purse.settled == [0]


async def test_whether_a_number_went_to_somebody_else_is_told_for_its_price(
    lookup: PhoneLookup, world: Any, settings: Any
) -> None:
    since = date(2026, 10, 1)
    said = [await lookup.reassigned(f"+12145550{end}", since) for end in ("142", "197", "196")]
    assert said == ["no", "yes", "no_data"]
    assert world.requests[0].url.params["LastVerifiedDate"] == "20261001"
    assert world.purse.settled == [settings.twilio_reassigned_cost_usd] * 3
    assert await lookup.reassigned("+1214", since) == "no_data"


async def test_a_bad_token_is_refused(world: Any, settings: Any) -> None:
    bad = type(settings.hunter_api_key)("bad")
    changes = {"phone_lookup": "twilio_lookups", "twilio_lookups_auth_token": bad}
    made = phone_lookup.build(settings.model_copy(update=changes), world.deps)
    assert made is not None
    with pytest.raises(ProviderRejected) as caught:
        await made.look_up(NUMBER)
    assert caught.value.fields["reason"] == "auth"


@pytest.mark.parametrize("kind", ["429", "500", "503", "drop", "html", "truncate"])
async def test_a_paid_question_is_asked_once(lookup: PhoneLookup, world: Any, fault: Any, kind: str) -> None:
    await fault(lookup.name, kind, count=20, retry_after=60)
    with pytest.raises(ProviderError) as caught:
        await lookup.look_up(NUMBER)
    assert isinstance(caught.value, ProviderBadAnswer) == (kind in ("html", "truncate"))
    assert len(world.requests) == 1


def test_nobody_is_asked_unless_a_vendor_is_chosen(world: Any, settings: ProviderSettings) -> None:
    assert phone_lookup.build(settings, world.deps) is None
    with pytest.raises(InvalidInput, match="nobody_lookups"):
        phone_lookup.build(settings.model_copy(update={"phone_lookup": "nobody_lookups"}), world.deps)
