"""Socrata portals: paging without loss, oddities of the wire, failures in the portal's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.permit_source import ColumnKind, RawRow, SourceConfig
from shared.providers.permit_source.socrata import SocrataSource

CONFIG = SourceConfig(
    key="town", kind="socrata", dataset_id="abcd-1234", incremental_date_field="issued", page_size=1000
)


class Portal:
    """A dataset ordered as SODA orders it; `on_page` may change it between two pages."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.pages = rows, 0
        self.on_page: Callable[[Portal], None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        assert query["$order"] == ":updated_at,:id"
        after = re.search(r":updated_at > '([^']+)'", query.get("$where", ""))
        rows = [row for row in self.rows if not after or row[":updated_at"] > after.group(1)]
        rows.sort(key=lambda row: (row[":updated_at"], row[":id"]))
        start, size = int(query.get("$offset", 0)), int(query["$limit"])
        self.pages += 1
        answer = httpx.Response(200, json=rows[start : start + size])
        self.on_page(self)
        return answer


def row(number: int, minute: int) -> dict[str, Any]:
    return {
        ":id": f"row-{number:06}",
        ":updated_at": f"2026-01-01T00:{minute:02}:00.000Z",
        "permit": str(number),
    }


async def read_all(source: SocrataSource, **kwargs: Any) -> list[RawRow]:
    return [row async for page in source.pages(**kwargs) for row in page.rows]


async def test_a_portal_that_ignores_the_position_is_told(world: Any, settings: Any) -> None:
    rows = [row(n, n // 700) for n in range(2500)]
    world.answer = lambda _: httpx.Response(200, json=rows[:1000])
    source = SocrataSource(CONFIG, settings, world.deps)
    with pytest.raises(ProviderBadAnswer) as caught:
        await read_all(source)
    assert caught.value.fields["reason"] == "same_page"


@pytest.mark.parametrize(
    "minutes",
    [
        [n // 700 for n in range(2500)],
        [0] * 2500,
        [n % 60 for n in range(2500)],
        [0] * 999 + [1] * 1002 + [2] * 499,
    ],
    ids=["ties across pages", "one time for all", "spread", "ties at the border"],
)
async def test_2500_rows_with_ties_come_once_each(world: Any, settings: Any, minutes: list[int]) -> None:
    portal = Portal([row(number, minute) for number, minute in enumerate(minutes)])
    world.answer = portal
    rows = await read_all(SocrataSource(CONFIG, settings, world.deps))
    assert len(rows) == 2500
    assert len({r.row_id for r in rows}) == 2500


async def test_a_row_changed_between_pages_is_not_lost(world: Any, settings: Any) -> None:
    portal = Portal([row(number, number // 500) for number in range(2500)])

    def touch(p: Portal) -> None:
        if p.pages == 1:
            p.rows[100][":updated_at"] = "2026-01-01T00:59:00.000Z"

    portal.on_page = touch
    world.answer = portal
    rows = await read_all(SocrataSource(CONFIG, settings, world.deps))
    assert {r.row_id for r in rows} == {f"row-{number:06}" for number in range(2500)}


async def test_a_cursor_resumes_where_the_page_ended(world: Any, settings: Any) -> None:
    world.answer = Portal([row(number, number // 300) for number in range(2500)])
    source = SocrataSource(CONFIG, settings, world.deps)
    first = await anext(aiter(source.pages()))
    rest = await read_all(source, cursor=first.cursor)
    assert {r.row_id for r in first.rows}.isdisjoint(r.row_id for r in rest)
    assert len(first.rows) + len(rest) == 2500


async def test_an_empty_dataset_is_one_empty_page(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(200, json=[])
    pages = [page async for page in SocrataSource(CONFIG, settings, world.deps).pages()]
    assert [page.rows for page in pages] == [()]
    assert pages[0].cursor is None


async def test_the_where_of_the_source_and_the_date_are_both_asked(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(200, json=[])
    config = CONFIG.model_copy(update={"where": "type = 'ROOF' OR type = 'REROOF'"})
    await read_all(SocrataSource(config, settings, world.deps), since=date(2026, 1, 5))
    where = world.requests[0].url.params["$where"]
    assert where == "(type = 'ROOF' OR type = 'REROOF') AND issued >= '2026-01-05T00:00:00'"


async def test_points_of_both_ages_become_geojson(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(
        200,
        json=[
            {":id": "a", "where": {"type": "Point", "coordinates": [-98.9, 32.4]}},
            {":id": "b", "location": {"latitude": "32.4", "longitude": "-98.9", "human_address": "{}"}},
            {":id": "c"},
        ],
    )
    rows = await SocrataSource(CONFIG, settings, world.deps).sample()
    assert rows[0].geometry == rows[1].geometry == {"type": "Point", "coordinates": [-98.9, 32.4]}
    assert rows[2].geometry is None


async def test_columns_tell_local_wall_time_from_utc(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(
        200,
        json={
            "columns": [
                {"fieldName": "issued", "dataTypeName": "calendar_date"},
                {"fieldName": "cost", "dataTypeName": "number"},
            ]
        },
    )
    columns = await SocrataSource(CONFIG, settings, world.deps).columns()
    assert [(c.name, c.kind) for c in columns] == [
        ("issued", ColumnKind.LOCAL_TIME),
        ("cost", ColumnKind.NUMBER),
    ]


async def test_a_renamed_column_is_named_in_the_error(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(
        400, json={"code": "query.soql.no-such-column", "error": True, "message": "No such column: issued"}
    )
    with pytest.raises(ProviderRejected, match=r"query\.soql\.no-such-column: No such column: issued"):
        await read_all(SocrataSource(CONFIG, settings, world.deps), since=date(2026, 1, 1))


async def test_202_is_asked_again(world: Any, settings: Any) -> None:
    answers = [httpx.Response(202), httpx.Response(200, json=[])]
    world.answer = lambda _: answers.pop(0)
    assert await read_all(SocrataSource(CONFIG, settings, world.deps)) == []
    assert len(world.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, html="<html>maintenance</html>"), httpx.Response(200, json={}), httpx.Response(404)],
)
async def test_what_is_no_rows_is_a_bad_answer(world: Any, settings: Any, answer: httpx.Response) -> None:
    world.answer = lambda _: answer
    with pytest.raises(ProviderBadAnswer):
        await read_all(SocrataSource(CONFIG, settings, world.deps))


async def test_the_token_goes_in_a_header(world: Any, settings: Any) -> None:
    settings = settings.model_copy(update={"socrata_app_token": settings.hunter_api_key})
    world.answer = lambda _: httpx.Response(200, json=[])
    await SocrataSource(CONFIG, settings, world.deps).sample()
    assert world.requests[-1].headers["x-app-token"] == "hunter-secret"
    assert "hunter-secret" not in str(world.requests[-1].url)


async def test_a_foreign_cursor_is_refused(world: Any, settings: Any) -> None:
    with pytest.raises(InvalidInput):
        await read_all(SocrataSource(CONFIG, settings, world.deps), cursor="page 3")
