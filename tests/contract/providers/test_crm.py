"""HighLevel against the sandbox, every request held against the vendor's contract."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from shared.errors import (
    InvalidInput,
    ProviderBadAnswer,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.providers import crm
from shared.providers import settings as vendors
from shared.providers.crm import Crm, CrmPerson
from shared.providers.settings import VendorFacts

PHONE = "+15125550123"
PAT = CrmPerson("Pat Doe", PHONE, "pat@homes.example")


@pytest.fixture
def office(world: Any, settings: Any) -> Crm:
    return crm.build(settings, world.deps, "loc-harrow")


async def stored(control: httpx.AsyncClient, contact_id: str) -> dict[str, Any]:
    headers = {"authorization": "Bearer k", "version": "2021-07-28"}
    answer = await control.get(f"/highlevel/contacts/{contact_id}", headers=headers)
    return dict(answer.json()["contact"])


async def test_a_new_contact_is_found_by_phone_and_by_address(office: Crm) -> None:
    assert await office.find("phone", PHONE) == ()
    made = await office.create(PAT)

    assert await office.find("phone", PHONE) == (made,)
    assert await office.find("email", "pat@homes.example") == (made,)


async def test_another_location_has_other_contacts(office: Crm, world: Any, settings: Any) -> None:
    await office.create(PAT)

    assert await crm.build(settings, world.deps, "loc-elsewhere").find("phone", PHONE) == ()


async def test_a_duplicate_names_the_contact_that_is_there(office: Crm) -> None:
    assert await office.create(PAT) == await office.create(PAT)


async def test_tags_are_added_and_an_update_leaves_them(office: Crm, control: Any) -> None:
    made = await office.create(PAT)
    await office.tag(made, ["hvac-lead"])
    await office.tag(made, ["roof"])
    await office.update(made, CrmPerson("Patricia Doe", PAT.phone, PAT.email))

    contact = await stored(control, made)
    assert (contact["tags"], contact["name"]) == (["hvac-lead", "roof"], "Patricia Doe")


async def test_an_update_that_would_make_twins_is_refused(office: Crm) -> None:
    await office.create(PAT)
    other = await office.create(CrmPerson("Sam Roe", "+15125550199"))

    with pytest.raises(ProviderRejected):
        await office.update(other, PAT)
    assert await office.rename(other, PAT) == other


async def test_a_contact_that_is_gone_is_a_refusal(office: Crm) -> None:
    with pytest.raises(ProviderRejected):
        await office.tag("nobody", ["roof"])


@pytest.mark.parametrize(("key", "location"), [("bad-key", "loc-harrow"), ("k", "foreign-location")])
async def test_a_key_that_opens_nothing_is_a_refusal(
    world: Any, settings: Any, key: str, location: str
) -> None:
    made = settings.model_copy(update={"highlevel_api_key": SecretStr(key)})
    with pytest.raises(ProviderRejected) as refused:
        await crm.build(made, world.deps, location).find("phone", PHONE)
    assert refused.value.fields["reason"] == "auth"


async def test_refused_fields_are_told_without_the_person(office: Crm) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await office.create(CrmPerson("Pat Doe", "+15125550000"))
    assert (refused.value.fields["status"], "555" in refused.value.detail) == (422, False)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", ProviderRateLimited),
        ("500", ProviderUnavailable),
        ("503", ProviderUnavailable),
        ("html", ProviderBadAnswer),
        ("drop", ProviderTimeout),
    ],
)
async def test_each_failure_is_told_at_once(
    office: Crm, fault: Any, kind: str, error: type[Exception]
) -> None:
    await fault("highlevel", kind, count=1)
    with pytest.raises((error, ProviderUnavailable) if kind == "drop" else error):
        await office.find("phone", PHONE)


async def test_a_vendor_that_hangs_is_a_time_out(
    world: Any, settings: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = VendorFacts("", 50, 50, timeout_seconds=0.1)
    monkeypatch.setattr(vendors, "VENDORS", {**vendors.VENDORS, "highlevel": quick})
    await fault("highlevel", "hang", count=1, seconds=1)
    with pytest.raises(ProviderTimeout):
        await crm.build(settings, world.deps, "loc-harrow").find("phone", PHONE)


async def test_without_a_key_nobody_is_asked(world: Any, settings: Any) -> None:
    real = settings.model_copy(update={"sandbox_url": ""})
    with pytest.raises(InvalidInput, match="GHL_API_KEY"):
        crm.build(real, world.deps, "loc-harrow")
