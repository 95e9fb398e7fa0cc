"""The three layers of a county's pace: headers, a 429 until its reset, fixed delays without headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import httpx
import pytest

from shared.errors import ProviderRateLimited
from shared.providers.permit_source.accela_access import AccelaAccount
from shared.providers.permit_source.accela_records import AccelaRecords, RecordQuery
from shared.providers.settings import ProviderSettings

ACCOUNT = AccelaAccount("TOWN", "PROD", "app", "secret", "user", "password")
QUERY = RecordQuery("Building", "Building/Residential/Trade/Mechanical", date(2020, 1, 1), date(2020, 12, 31))
RECORD = {"id": "TOWN-20CAP-00000-00001"}


class OneToken:
    """A token that always holds."""

    async def current(self) -> str:
        return "token"

    async def renewed(self, refused: str) -> str:
        return f"not {refused}"


def reader(world: Any, **settings: Any) -> AccelaRecords:
    made = ProviderSettings(accela_base_url="https://apis.accela.com", **settings)
    return AccelaRecords(ACCOUNT, OneToken(), made, world.deps, source="town")


def agency(world: Any, headers: Callable[[int], Mapping[str, str]]) -> None:
    """An agency that answers every call, with the headers of its number."""
    world.answer = lambda _: httpx.Response(
        200, json={"result": [RECORD]}, headers=dict(headers(len(world.requests)))
    )


async def paging_seconds(world: Any, calls: int, **settings: Any) -> float:
    """How long so many pages take."""
    records, began = reader(world, **settings), world.clock.now
    for _ in range(calls):
        await records.page(QUERY, offset=0)
    return float(world.clock.now - began)


async def test_without_headers_pages_wait_half_a_second_and_parts_a_tenth(world: Any) -> None:
    agency(world, lambda _: {})
    assert await paging_seconds(world, 5) == pytest.approx(4 * 0.5)
    records, began = reader(world), world.clock.now
    await records.complete(RECORD)
    assert world.clock.now - began <= 0.5 + 3 * 0.1
    assert records.allowances == {}


async def test_the_fixed_delays_are_settings(world: Any) -> None:
    agency(world, lambda _: {})
    assert await paging_seconds(world, 5, accela_pagination_delay_fallback=2.0) == pytest.approx(8.0)


async def test_headers_with_enough_left_make_it_fast(world: Any) -> None:
    agency(
        world,
        lambda n: {
            "x-ratelimit-limit": "1000",
            "x-ratelimit-remaining": str(999 - n),
            "x-ratelimit-reset": "60",
        },
    )
    assert await paging_seconds(world, 20) < 1.0


async def test_with_85_of_100_used_the_rest_lasts_until_the_reset(world: Any) -> None:
    agency(
        world,
        lambda _: {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "15", "x-ratelimit-reset": "60"},
    )
    assert await paging_seconds(world, 4) >= 3 * 60 / 15 - 5


async def test_the_share_held_back_is_a_setting(world: Any) -> None:
    agency(
        world,
        lambda _: {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "40", "x-ratelimit-reset": "60"},
    )
    assert await paging_seconds(world, 10) < 1.0
    assert await paging_seconds(world, 10, accela_rate_limit_threshold=0.5) > 10.0


async def test_a_429_is_waited_for_until_its_reset(world: Any) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if len(world.requests) > 1:
            return httpx.Response(200, json={"result": [RECORD]})
        headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "20"}
        return httpx.Response(429, json={"code": "too_many_requests"}, headers=headers)

    world.answer = answer
    assert await paging_seconds(world, 1) >= 20.0
    assert len(world.requests) == 2


@pytest.mark.parametrize(("retries", "calls"), [(3, 4), (1, 2)])
async def test_a_429_that_stays_is_given_up_after_the_retries(world: Any, retries: int, calls: int) -> None:
    world.answer = lambda _: httpx.Response(429, json={"code": "too_many_requests"})
    with pytest.raises(ProviderRateLimited):
        await reader(world, accela_max_retries=retries).page(QUERY, offset=0)
    assert len(world.requests) == calls


async def test_a_reset_further_away_than_our_patience_is_the_callers_to_schedule(world: Any) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-limit": "9", "x-ratelimit-reset": "600"}
    world.answer = lambda _: httpx.Response(429, json={"code": "x"}, headers=headers)
    with pytest.raises(ProviderRateLimited) as caught:
        await reader(world).page(QUERY, offset=0)
    assert caught.value.retry_after >= 600
    assert len(world.requests) == 1


async def test_the_filter_is_the_agencys_own(world: Any) -> None:
    agency(world, lambda _: {})
    await reader(world).page(QUERY, offset=200, limit=100)
    assert dict(world.requests[-1].url.params) == {
        "module": "Building",
        "type": "Building/Residential/Trade/Mechanical",
        "openedDateFrom": "2020-01-01",
        "openedDateTo": "2020-12-31",
        "limit": "100",
        "offset": "200",
    }
    assert world.requests[-1].headers["authorization"] == "token"
