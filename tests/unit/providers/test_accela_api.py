"""Accela V4: every envelope its versions send, tokens that end early, real answers of an agency."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRateLimited, ProviderRejected
from shared.providers.permit_source import RawRow, SourceConfig
from shared.providers.permit_source.accela_api import AccelaSource
from shared.providers.settings import ProviderSettings

CONFIG = SourceConfig(
    key="town", kind="accela_api", accela_agency_code="TOWN", accela_module="Building", page_size=2
)
SETTINGS = ProviderSettings(
    accela_base_url="https://apis.accela.com",
    accela_app_id="our-app",
    accela_app_secret="app-secret",
    accela_username="reader",
    accela_password="reader-secret",
)


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"TOWN-26CAP-00000-{number:05}", "customId": f"B{number}", **fields}


class Agency:
    """Sells tokens and answers searches with what `found` makes of an offset."""

    def __init__(self, found: Callable[[int], Any]) -> None:
        self.found, self.sold, self.good = found, 0, ""
        self.grants: list[str] = []
        self.searches: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            assert request.url.host == "auth.accela.com"
            self.grants.append(parse_qs(request.content.decode())["grant_type"][0])
            self.sold += 1
            self.good = f"token-{self.sold}"
            return httpx.Response(
                200, json={"access_token": self.good, "expires_in": "900", "refresh_token": f"r{self.sold}"}
            )
        self.searches.append(request)
        if request.headers["authorization"] != self.good:
            return httpx.Response(401, json={"status": 401, "code": "token_expired", "message": "old"})
        found = self.found(int(request.url.params["offset"]))
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)


async def numbers(source: AccelaSource, **kwargs: Any) -> list[str]:
    return [row.columns["customId"] async for page in source.pages(**kwargs) for row in page.rows]


@pytest.mark.parametrize(
    "found",
    [
        lambda at: {"result": [record(at), record(at + 1)][: 3 - at], "page": {"hasmore": at == 0}},
        lambda at: {"result": [record(at), record(at + 1)][: 3 - at], "page": {"hasMore": at == 0}},
        lambda at: {"result": [record(at), record(at + 1)][: 3 - at]},
        lambda at: [record(at), record(at + 1)][: 3 - at],
        lambda at: {
            "result": [record(at), record(at + 1)] if at == 0 else record(at),
            "page": {"hasmore": at == 0},
        },
    ],
    ids=["hasmore", "hasMore", "no flag", "a bare list", "one object"],
)
async def test_three_records_in_every_envelope(world: Any, found: Callable[[int], Any]) -> None:
    world.answer = Agency(found)
    assert await numbers(AccelaSource(CONFIG, SETTINGS, world.deps)) == ["B0", "B1", "B2"]


@pytest.mark.parametrize(
    "nothing",
    [
        {"status": 200},
        {"status": 200, "result": []},
        {"status": 200, "result": None, "page": {"hasmore": True}},
        httpx.Response(204),
        httpx.Response(404, json={"status": 404, "code": "resource_not_found", "message": "none"}),
    ],
    ids=["no result", "an empty one", "null and more", "no content", "not found"],
)
async def test_no_records_are_no_error(world: Any, nothing: Any) -> None:
    world.answer = Agency(lambda _: nothing)
    assert await numbers(AccelaSource(CONFIG, SETTINGS, world.deps)) == []


async def test_a_token_is_renewed_a_minute_early_and_by_its_refresh_token(world: Any) -> None:
    world.answer = agency = Agency(lambda at: {"result": [record(at)], "page": {"hasmore": False}})
    source = AccelaSource(CONFIG, SETTINGS, world.deps)
    await numbers(source)
    world.clock.now += 830
    await numbers(source)
    world.clock.now += 20
    await numbers(source)
    assert agency.grants == ["password", "refresh_token"]


async def test_a_token_that_ended_early_is_renewed_once_for_all(world: Any) -> None:
    world.answer = agency = Agency(lambda at: {"result": [record(at)], "page": {"hasmore": False}})
    source = AccelaSource(CONFIG, SETTINGS, world.deps)
    await numbers(source)
    agency.good = "ended"
    agency.sold = 0
    read = await asyncio.gather(*(numbers(source) for _ in range(3)))
    assert read == [["B0"]] * 3
    assert agency.sold == 1


async def test_a_token_that_never_holds_is_told(world: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": "900"})
        return httpx.Response(401, json={"code": "invalid_token", "message": "no", "traceId": "abc"})

    world.answer = answer
    with pytest.raises(ProviderRejected, match=r"invalid_token.*abc") as caught:
        await numbers(AccelaSource(CONFIG, SETTINGS, world.deps))
    assert caught.value.fields["reason"] == "auth"
    assert len(world.requests) == 4  # two tokens, two searches


async def test_the_wire_is_as_accela_wants_it(world: Any) -> None:
    world.answer = agency = Agency(lambda _: {"result": []})
    config = CONFIG.model_copy(update={"record_type": "Building/Residential/Roof/NA"})
    await numbers(AccelaSource(config, SETTINGS, world.deps), since=date(2026, 3, 4))
    (search,) = agency.searches
    assert search.headers["authorization"] == "token-1"
    assert search.headers["x-accela-agency"] == "TOWN"
    assert dict(search.url.params) == {"limit": "2", "offset": "0", "expand": "addresses,parcels"}
    assert json.loads(search.content) == {
        "module": "Building",
        "type": {"value": "Building/Residential/Roof/NA"},
        "openedDateFrom": "2026-03-04",
    }


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (httpx.Response(400, json={"code": "data_validation_error"}), ProviderRejected, "invalid"),
        (httpx.Response(403, json={"code": "forbidden"}), ProviderRejected, "auth"),
        (httpx.Response(200, html="<html>login</html>"), ProviderBadAnswer, None),
        (httpx.Response(200, json={"result": ["?"]}), ProviderBadAnswer, None),
        (
            httpx.Response(429, json={"code": "x"}, headers={"retry-after": "99"}),
            ProviderRateLimited,
            "retryable",
        ),
    ],
    ids=["bad request", "not enabled", "HTML", "no records", "too fast"],
)
async def test_a_failure_has_its_name(
    world: Any, answer: httpx.Response, error: type[Exception], reason: str | None
) -> None:
    world.answer = Agency(lambda _: answer)
    with pytest.raises(error) as caught:
        await numbers(AccelaSource(CONFIG, SETTINGS, world.deps))
    assert caught.value.fields.get("reason") == reason  # type: ignore[attr-defined]


async def test_an_agency_that_ignores_the_offset_is_told(world: Any) -> None:
    world.answer = Agency(lambda _: {"result": [record(1), record(2)], "page": {"hasmore": True}})
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(AccelaSource(CONFIG, SETTINGS, world.deps))
    assert caught.value.fields["reason"] == "same_page"


async def test_without_an_app_nothing_is_sent(world: Any) -> None:
    unknown = ProviderSettings(accela_base_url="https://apis.accela.com")
    with pytest.raises(ProviderRejected, match="ACCELA_APP_ID"):
        await numbers(AccelaSource(CONFIG, unknown, world.deps))
    assert world.requests == []


async def test_a_foreign_cursor_and_a_missing_module_are_refused(world: Any) -> None:
    with pytest.raises(InvalidInput):
        await numbers(AccelaSource(CONFIG, SETTINGS, world.deps), cursor="[1]")
    with pytest.raises(InvalidInput, match="accela_module"):
        AccelaSource(CONFIG.model_copy(update={"accela_module": None}), SETTINGS, world.deps)


async def test_real_answers_are_read(world: Any, handed_over: Path) -> None:
    folder = handed_over / "data" / "permits" / "accela_v4"
    bodies = [
        json.loads((folder / name).read_text())["body"]
        for name in (
            "Accela_RecordAPI__get_all_records_returns_a_list_of_RecordAPI_objects_1.json",
            "Accela_V4_GetRecords__call_expands_addresses_1.json",
        )
    ]
    rows: list[RawRow] = []
    for body in bodies:
        world.answer = Agency(lambda at, body=body: body if at == 0 else {})  # type: ignore[misc]
        source = AccelaSource(CONFIG, SETTINGS, world.deps)
        rows = [row async for page in source.pages() for row in page.rows]
        assert [row.columns["customId"] for row in rows] == [r["customId"] for r in body["result"]]
        assert all(str(row.columns["openedDate"]).endswith(" 00:00:00") for row in rows)
    assert rows[0].columns["address"] == "1 ALLEGHENY CT"
    assert (rows[0].columns["city"], rows[0].columns["state"]) == ("PETALUMA", "CA")
