"""A county's records by Accela's own paths: the filter, the parts, the tokens, and what agencies do wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.permit_source.accela_access import AccelaAccount, HeldTokens, TokenDesk
from shared.providers.permit_source.accela_records import SCOPE, AccelaRecords, RecordQuery
from shared.providers.settings import ProviderSettings
from shared.sandbox.vendors import accela_county as county
from tests.unit.providers.world import World

ACCOUNT = AccelaAccount(
    agency_code=county.AGENCY,
    environment="PROD",
    app_id="app",
    app_secret="secret",
    username=county.USERNAME,
    password=county.PASSWORD,
    scope=SCOPE,
)
EVER = RecordQuery("Building", county.MECHANICAL, date(1990, 1, 1), date(2026, 12, 31))
Fault = Callable[..., Awaitable[None]]


def reader(world: World, settings: ProviderSettings, account: AccelaAccount = ACCOUNT) -> AccelaRecords:
    tokens = HeldTokens(TokenDesk(account, settings, world.deps, source="calder"), world.deps.clock)
    return AccelaRecords(account, tokens, settings, world.deps, source="calder")


async def test_only_records_of_the_kind_and_days_come_and_pages_follow_each_other(
    world: World, settings: ProviderSettings
) -> None:
    records = reader(world, settings)
    query = replace(EVER, opened_from=date(2010, 1, 1), opened_to=date(2012, 12, 31))
    first, more = await records.page(query, offset=0, limit=20)
    second, _ = await records.page(query, offset=20, limit=20)
    assert more
    assert len({record["id"] for record in [*first, *second]}) == len(first) + len(second) > 20
    assert {record["type"]["value"] for record in first} == {county.MECHANICAL}
    assert all("2010" <= record["openedDate"] < "2013" for record in first)
    assert world.requests[-1].headers["authorization"].startswith("Bearer") is False
    assert records.allowances["/v4/records"].limit == 10_000


async def test_a_record_is_completed_by_its_parts_in_every_envelope(
    world: World, settings: ProviderSettings
) -> None:
    records = reader(world, settings)
    page, _ = await records.page(EVER, offset=0, limit=40)
    whole = [await records.complete(record) for record in page]
    assert all(record["addresses"][0]["streetName"] for record in whole)
    assert all(record["parcels"][0]["landValue"] > 0 for record in whole)
    known = [bool(record["owners"]) for record in whole]
    assert any(known)
    assert not all(known)  # one in seventeen has nobody on file, which Accela calls 404


async def test_nothing_found_is_an_empty_page(world: World, settings: ProviderSettings) -> None:
    query = replace(EVER, record_type="Building/Commercial/Trade/Nothing")
    assert await reader(world, settings).page(query, offset=0) == ([], False)


async def test_wrong_credentials_and_a_foreign_agency_are_told_apart(
    world: World, settings: ProviderSettings
) -> None:
    with pytest.raises(ProviderRejected, match="password is wrong"):
        await reader(world, settings, replace(ACCOUNT, password="no")).page(EVER, offset=0)
    with pytest.raises(ProviderRejected, match="forbidden"):
        await reader(world, settings, replace(ACCOUNT, agency_code="NOWHERE")).page(EVER, offset=0)


@pytest.mark.parametrize("kind", ["429", "500", "503", "drop"])
async def test_a_failure_that_passes_is_repeated(
    world: World, settings: ProviderSettings, fault: Fault, kind: str
) -> None:
    await fault("accela", kind, match="/v4/records")
    page, _ = await reader(world, settings).page(EVER, offset=0)
    assert page


@pytest.mark.parametrize("kind", ["html", "truncate", "rename_column"])
async def test_an_answer_that_is_none_is_told(
    world: World, settings: ProviderSettings, fault: Fault, kind: str
) -> None:
    await fault("accela", kind, match="/v4/records", count=10)
    with pytest.raises(ProviderBadAnswer):
        await reader(world, settings).page(EVER, offset=0)
