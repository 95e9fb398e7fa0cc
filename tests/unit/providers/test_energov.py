"""EnerGov searches: names as data, failures inside HTTP 200, counts that do not add up."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.permit_source import SourceConfig
from shared.providers.permit_source.energov import EnergovSource

CONFIG = SourceConfig(key="town", kind="energov", base_domain="permits.town.test", page_size=2)


class Portal:
    """Five permits, or fewer than it counts."""

    def __init__(self, *, gives: int = 5) -> None:
        self.gives = gives
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.asked.append(body)
        first = (body["PermitCriteria"]["PageNumber"] - 1) * 2
        found = [{"CaseId": f"id{n}", "CaseNumber": f"P{n}"} for n in range(self.gives)][first : first + 2]
        return httpx.Response(
            200, json={"Success": True, "Result": {"EntityResults": found, "PermitsFound": 5}}
        )


async def numbers(source: EnergovSource, **kwargs: Any) -> list[str]:
    return [row.columns["CaseNumber"] async for page in source.pages(**kwargs) for row in page.rows]


async def test_permits_are_read_oldest_first_and_resumed_by_the_page(world: Any, settings: Any) -> None:
    world.answer = portal = Portal()
    source = EnergovSource(CONFIG, settings, world.deps)
    first = await anext(aiter(source.pages(since=date(2026, 3, 4))))
    assert await numbers(source, cursor=first.cursor) == ["P2", "P3", "P4"]
    assert all(body["PermitCriteria"]["IssueDateFrom"] == "2026-03-04T00:00:00" for body in portal.asked)
    assert portal.asked[0]["SortAscending"] is True
    assert world.requests[0].headers["tenantid"] == "1"


async def test_a_city_may_call_things_otherwise(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(
        200, json={"Ok": True, "Result": {"Permits": [{"Id": 7, "CaseNumber": "P7"}], "Found": 1}}
    )
    shape = {"records": "Permits", "total": "Found", "record_id": "Id", "success": "Ok"}
    config = SourceConfig.model_validate({**CONFIG.model_dump(), "energov": shape})
    assert await numbers(EnergovSource(config, settings, world.deps)) == ["P7"]


def test_a_misspelt_name_of_the_shape_is_refused() -> None:
    with pytest.raises(ValidationError, match="recrods"):
        SourceConfig.model_validate({**CONFIG.model_dump(), "energov": {"recrods": "x"}})


async def test_fewer_permits_than_counted_are_told(world: Any, settings: Any) -> None:
    world.answer = Portal(gives=4)
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(EnergovSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == "silent_cap"


async def test_a_portal_that_ignores_the_page_is_told(world: Any, settings: Any) -> None:
    again = {
        "EntityResults": [{"CaseId": 1, "CaseNumber": "P"}, {"CaseId": 2, "CaseNumber": "P"}],
        "PermitsFound": 5,
    }
    world.answer = lambda _: httpx.Response(200, json={"Success": True, "Result": again})
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(EnergovSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == "same_page"


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (httpx.Response(200, json={"Success": False, "ErrorMessage": "no"}), ProviderRejected, "invalid"),
        (httpx.Response(200, json={"Success": True, "Result": {"Rows": []}}), ProviderBadAnswer, "shape"),
        (
            httpx.Response(200, json={"Result": {"EntityResults": [{}], "PermitsFound": 1}}),
            ProviderBadAnswer,
            "shape",
        ),
        (httpx.Response(200, json={"Result": None}), ProviderBadAnswer, "bad_answer"),
        (httpx.Response(200, html="<html>Sign in</html>"), ProviderBadAnswer, "bad_answer"),
        (httpx.Response(401), ProviderRejected, "auth"),
        (httpx.Response(404), ProviderBadAnswer, "gone"),
    ],
    ids=["an error inside 200", "renamed", "no id", "no result", "HTML", "log-in", "gone"],
)
async def test_a_failure_has_its_name(
    world: Any, settings: Any, answer: httpx.Response, error: type[Exception], reason: str
) -> None:
    world.answer = lambda _: answer
    with pytest.raises(error) as caught:
        await numbers(EnergovSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("cursor", ["7", "{}", '["x", 1]', '[null, "x"]'])
async def test_a_foreign_cursor_is_refused(world: Any, settings: Any, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await numbers(EnergovSource(CONFIG, settings, world.deps), cursor=cursor)
