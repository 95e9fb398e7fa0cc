"""CKAN portals: pages cut without a word, errors in every disguise, a closed SQL door."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.permit_source import ColumnKind, SourceConfig
from shared.providers.permit_source.ckan import CkanSource

TABLE = "c21106f9-3ef5-4f3a-8604-f992b4db7512"
CONFIG = SourceConfig(
    key="town", kind="ckan", base_domain="data.town.test", resource_id=TABLE, incremental_date_field="ISSUED"
)


class Portal:
    """A table behind a cap; `sql` opens the other door, `gives` ends the rows before the count does."""

    def __init__(self, rows: int, *, cap: int = 2, gives: int | None = None, date_type: str = "timestamp"):
        self.rows: list[dict[str, Any]] = [
            {"_id": n, "#": f"P{n}", "ISSUED": f"2026-01-{n:02}T00:00:00"} for n in range(1, rows + 1)
        ]
        self.cap, self.gives, self.date_type = cap, rows if gives is None else gives, date_type
        self.estimated = False
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        self.queries.append(query)
        if request.url.path.endswith("_sql"):
            return httpx.Response(404, json={"success": False, "error": {"__type": "Not Found Error"}})
        rows = sorted(self.rows, key=lambda row: int(row["_id"]), reverse="desc" in query["sort"])
        limit, offset = min(int(query["limit"]), self.cap), int(query["offset"])
        return httpx.Response(
            200,
            json={
                "success": True,
                "result": {
                    "fields": [{"id": "_id", "type": "int"}, {"id": "ISSUED", "type": self.date_type}],
                    "records": rows[: self.gives][offset : offset + limit],
                    "total": 99 if self.estimated else len(rows),
                    "total_was_estimated": self.estimated,
                    "limit": limit,
                },
            },
        )


async def numbers(source: CkanSource, **kwargs: Any) -> list[str]:
    return [row.columns["#"] async for page in source.pages(**kwargs) for row in page.rows]


async def test_a_page_cut_by_the_site_is_not_the_last(world: Any, settings: Any) -> None:
    world.answer = Portal(5)
    assert await numbers(CkanSource(CONFIG, settings, world.deps)) == ["P1", "P2", "P3", "P4", "P5"]


async def test_an_estimated_count_does_not_end_the_reading(world: Any, settings: Any) -> None:
    world.answer = portal = Portal(5)
    portal.estimated = True
    assert len(await numbers(CkanSource(CONFIG, settings, world.deps))) == 5


async def test_fewer_rows_than_counted_is_told(world: Any, settings: Any) -> None:
    world.answer = Portal(5, gives=4)
    with pytest.raises(ProviderBadAnswer, match="counts 5 rows and gives 4") as caught:
        await numbers(CkanSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == "silent_cap"


async def test_a_site_that_gives_the_first_page_for_ever_is_told(world: Any, settings: Any) -> None:
    portal = Portal(5)
    world.answer = lambda request: portal(
        httpx.Request("GET", request.url.copy_set_param("offset", "0"))  # the offset is not obeyed
    )
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(CkanSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == "same_page"


async def test_without_sql_the_newest_rows_are_read_down_to_the_date(world: Any, settings: Any) -> None:
    world.answer = portal = Portal(9)
    assert await numbers(CkanSource(CONFIG, settings, world.deps), since=date(2026, 1, 7)) == [
        "P9",
        "P8",
        "P7",
    ]
    assert len(portal.queries) == 3  # the door that is closed, and two pages


async def test_a_date_kept_as_text_cuts_nothing_off(world: Any, settings: Any) -> None:
    world.answer = Portal(5, date_type="text")
    assert len(await numbers(CkanSource(CONFIG, settings, world.deps), since=date(2026, 1, 4))) == 5


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (
            httpx.Response(
                200, json={"success": False, "error": {"__type": "Validation Error", "limit": ["bad"]}}
            ),
            ProviderRejected,
            "invalid",
        ),
        (
            httpx.Response(403, json={"success": False, "error": {"__type": "Authorization Error"}}),
            ProviderRejected,
            "auth",
        ),
        (httpx.Response(200, json={"rows": []}), ProviderBadAnswer, "bad_answer"),
        (httpx.Response(200, html="<html>Maintenance</html>"), ProviderBadAnswer, "bad_answer"),
        (httpx.Response(403, html="<html>Request blocked</html>"), ProviderRejected, "auth"),
    ],
    ids=["an error inside 200", "a private table", "another envelope", "HTML", "a proxy's wall"],
)
async def test_a_failure_has_its_name(
    world: Any, settings: Any, answer: httpx.Response, error: type[Exception], reason: str
) -> None:
    world.answer = lambda _: answer
    with pytest.raises(error) as caught:
        await numbers(CkanSource(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == reason  # type: ignore[attr-defined]


async def test_a_table_outside_the_datastore_is_told(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(
        404, json={"success": False, "error": {"__type": "Not Found Error", "message": "gone"}}
    )
    with pytest.raises(ProviderBadAnswer, match="no such table"):
        await CkanSource(CONFIG, settings, world.deps).sample()


async def test_own_columns_of_the_datastore_are_not_announced(world: Any, settings: Any) -> None:
    world.answer = Portal(1)
    (column,) = await CkanSource(CONFIG, settings, world.deps).columns()
    assert (column.name, column.kind) == ("ISSUED", ColumnKind.LOCAL_TIME)


async def test_names_with_quotes_stay_names(world: Any, settings: Any) -> None:
    world.answer = portal = Portal(1)
    await CkanSource(
        CONFIG.model_copy(update={"incremental_date_field": 'DAY"; DROP'}), settings, world.deps
    ).sample()
    assert portal.queries[0]["sort"].startswith('"DAY""; DROP" desc')


@pytest.mark.parametrize("cursor", ["7", "{}", '["sideways", 3]', '["table", "x"]'])
async def test_a_foreign_cursor_is_refused(world: Any, settings: Any, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await numbers(CkanSource(CONFIG, settings, world.deps), cursor=cursor)


def test_a_source_needs_its_table_and_its_host(world: Any, settings: Any) -> None:
    for missing in ("resource_id", "base_domain"):
        with pytest.raises(InvalidInput, match=missing):
            CkanSource(CONFIG.model_copy(update={missing: None}), settings, world.deps)
