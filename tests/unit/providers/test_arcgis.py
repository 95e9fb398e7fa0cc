"""ArcGIS layers: the flag ends paging, errors hide inside 200, servers cap and choke."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from shared.errors import (
    InvalidInput,
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
)
from shared.providers.permit_source import ColumnKind, SourceConfig
from shared.providers.permit_source.arcgis import ArcgisSource, to_geojson

CONFIG = SourceConfig(
    key="town", kind="arcgis", layer_path="rest/services/Permits/FeatureServer/0", page_size=1000
)


class Server:
    """A layer of `count` features with a cap of its own."""

    def __init__(
        self, count: int, *, cap: int = 1000, announced: int | None = None, paging: bool = True,
        hidden: range = range(0), chokes_above: int | None = None, stuck_flag: bool = False,
    ) -> None:  # fmt: skip
        self.ids, self.cap, self.announced, self.paging = (
            list(range(1, count + 1)),
            cap,
            announced or cap,
            paging,
        )
        self.hidden, self.chokes_above, self.stuck_flag = hidden, chokes_above, stuck_flag
        self.sizes: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/query"):
            return httpx.Response(200, json=self.info())
        form = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        return self.query({**dict(request.url.params), **form})

    def info(self) -> dict[str, Any]:
        return {
            "maxRecordCount": self.announced,
            "objectIdField": "OBJECTID",
            "advancedQueryCapabilities": {"supportsPagination": self.paging},
            "fields": [
                {"name": "OBJECTID", "type": "esriFieldTypeOID"},
                {"name": "ISSUED", "type": "esriFieldTypeDate"},
                {"name": "SHAPE", "type": "esriFieldTypeGeometry"},
            ],
        }

    def query(self, asked: dict[str, str]) -> httpx.Response:
        ids = [n for n in self.ids if self._fits(n, asked["where"])]
        if asked.get("returnCountOnly") == "true":
            return httpx.Response(200, json={"count": len(ids)})
        if asked.get("returnIdsOnly") == "true":
            return httpx.Response(200, json={"objectIds": ids[::-1]})
        assert asked["outSR"] == "4326"
        assert self.paging == ("resultOffset" in asked)
        size = min(int(asked.get("resultRecordCount", self.cap)), self.cap)
        self.sizes.append(size)
        if self.chokes_above and size > self.chokes_above:
            return httpx.Response(200, json={"error": {"code": 504, "message": "too heavy"}})
        start = int(asked.get("resultOffset", 0))
        shown = [n for n in ids[start : start + size] if n not in self.hidden]
        more = start + size < len(ids) or self.stuck_flag
        body = {
            "features": [{"attributes": {"OBJECTID": n}, "geometry": {"x": -98.9, "y": 32.4}} for n in shown]
        }
        return httpx.Response(200, json={**body, "exceededTransferLimit": True} if more else body)

    @staticmethod
    def _fits(number: int, where: str) -> bool:
        tests = re.findall(r"OBJECTID (>=|<=|>) (-?\d+)", where)
        compare = {">": int.__gt__, ">=": int.__ge__, "<=": int.__le__}
        return all(compare[sign](number, int(bound)) for sign, bound in tests)


async def read(world: Any, settings: Any, server: Server, **kwargs: Any) -> list[int]:
    world.answer = server
    source = ArcgisSource(CONFIG, settings, world.deps)
    return [int(row.row_id) async for page in source.pages(**kwargs) for row in page.rows]


@pytest.mark.parametrize(
    "server",
    [
        Server(7, cap=3),
        Server(7, cap=3, announced=1000),
        Server(7, cap=3, paging=False),
        Server(2500),
        Server(2000),
        Server(2500, chokes_above=300),
    ],
    ids=["cap 3", "cap below what it announces", "no paging", "three pages", "full last page", "chokes"],
)
async def test_every_feature_comes_once(world: Any, settings: Any, server: Server) -> None:
    assert await read(world, settings, server) == server.ids


async def test_an_empty_page_with_the_flag_is_not_the_end(world: Any, settings: Any) -> None:
    server = Server(9, cap=3, hidden=range(4, 7))
    assert await read(world, settings, server) == [1, 2, 3, 7, 8, 9]


async def test_a_flag_that_never_goes_down_ends_with_the_count(world: Any, settings: Any) -> None:
    assert await read(world, settings, Server(7, cap=3, stuck_flag=True)) == list(range(1, 8))


async def test_a_server_that_ignores_the_offset_is_told(world: Any, settings: Any) -> None:
    class Deaf(Server):
        def query(self, asked: dict[str, str]) -> httpx.Response:
            return super().query({**asked, "resultOffset": "0"})

    with pytest.raises(ProviderBadAnswer) as caught:
        await read(world, settings, Deaf(7, cap=3))
    assert caught.value.fields["reason"] == "same_page"


async def test_a_heavy_page_is_halved_until_it_comes(world: Any, settings: Any) -> None:
    server = Server(400, chokes_above=300)
    await read(world, settings, server)
    assert server.sizes[-1] <= 300


async def test_a_cursor_resumes_after_its_object_id(world: Any, settings: Any) -> None:
    world.answer = Server(7, cap=3)
    source = ArcgisSource(CONFIG, settings, world.deps)
    first = await anext(aiter(source.pages()))
    assert first.cursor == "3"
    assert await read(world, settings, Server(7, cap=3), cursor=first.cursor) == [4, 5, 6, 7]


async def test_the_last_page_has_no_cursor(world: Any, settings: Any) -> None:
    world.answer = Server(3, cap=3)
    pages = [page async for page in ArcgisSource(CONFIG, settings, world.deps).pages()]
    assert pages[-1].cursor is None


@pytest.mark.parametrize(
    ("code", "error"),
    [(400, ProviderRejected), (498, ProviderRejected), (499, ProviderRejected), (429, ProviderRateLimited)],
)
async def test_an_error_inside_200_is_an_error(
    world: Any, settings: Any, code: int, error: type[ProviderError]
) -> None:
    world.answer = lambda _: httpx.Response(
        200, json={"error": {"code": code, "message": "no", "details": []}}
    )
    with pytest.raises(error) as caught:
        await ArcgisSource(CONFIG, settings, world.deps).columns()
    assert caught.value.fields["status"] == code


async def test_200_with_nothing_of_the_promised_is_a_failure(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(200, json={"currentVersion": 10.9})
    with pytest.raises(ProviderBadAnswer):
        await ArcgisSource(CONFIG, settings, world.deps).columns()


async def test_a_long_condition_goes_by_post(world: Any, settings: Any) -> None:
    world.answer = Server(3)
    where = " OR ".join(f"KIND = '{number:040}'" for number in range(60))
    config = CONFIG.model_copy(update={"where": where})
    await ArcgisSource(config, settings, world.deps).count()
    assert world.requests[-1].method == "POST"
    assert len(str(world.requests[-1].url)) < 200


async def test_dates_are_announced_as_epoch_milliseconds(world: Any, settings: Any) -> None:
    world.answer = Server(3)
    columns = await ArcgisSource(CONFIG, settings, world.deps).columns()
    assert [(c.name, c.kind) for c in columns] == [
        ("OBJECTID", ColumnKind.OBJECT_ID),
        ("ISSUED", ColumnKind.EPOCH_MILLISECONDS),
    ]


async def test_since_is_a_timestamp_literal(world: Any, settings: Any) -> None:
    world.answer = Server(3)
    config = CONFIG.model_copy(update={"incremental_date_field": "ISSUED"})
    source = ArcgisSource(config, settings, world.deps)
    [page async for page in source.pages(since=date(2026, 1, 5))]
    assert "ISSUED >= TIMESTAMP '2026-01-05 00:00:00'" in world.requests[-1].url.params["where"]


@pytest.mark.parametrize(
    ("style", "where"),
    [
        ({"date_literal": "date"}, "1=1 AND ISSUED >= DATE '2026-01-05'"),
        ({"date_literal": "text", "date_format": "%Y/%m/%d"}, "1=1 AND ISSUED >= '2026/01/05'"),
        ({"date_literal": "number", "date_format": "%Y%m%d"}, "1=1 AND ISSUED >= 20260105"),
        ({"date_literal": "none"}, "1=1"),
    ],
)
async def test_a_day_is_written_as_the_feed_wants_it(
    world: Any, settings: Any, style: dict[str, str], where: str
) -> None:
    world.answer = Server(3)
    config = CONFIG.model_copy(update={"incremental_date_field": "ISSUED", **style})
    [page async for page in ArcgisSource(config, settings, world.deps).pages(since=date(2026, 1, 5))]
    assert world.requests[-1].url.params["where"] == where


OUTER = [[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]
HOLE = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
SECOND = [[9, 9], [9, 10], [10, 10], [9, 9]]


@pytest.mark.parametrize(
    ("esri", "expected"),
    [
        ({"x": -98.9, "y": 32.4}, {"type": "Point", "coordinates": [-98.9, 32.4]}),
        ({"rings": [OUTER]}, {"type": "Polygon", "coordinates": [OUTER]}),
        ({"rings": [OUTER, HOLE]}, {"type": "Polygon", "coordinates": [OUTER, HOLE]}),
        (
            {"rings": [OUTER, HOLE, SECOND]},
            {"type": "MultiPolygon", "coordinates": [[OUTER, HOLE], [SECOND]]},
        ),
        ({"x": "NaN", "y": "NaN"}, None),
        ({"rings": []}, None),
        ({"rings": [[[0, 0], [1, 1]]]}, None),
        (None, None),
    ],
)
def test_esri_geometry_becomes_geojson(esri: Any, expected: Any) -> None:
    assert to_geojson(esri) == expected


async def test_a_foreign_cursor_is_refused(world: Any, settings: Any) -> None:
    with pytest.raises(InvalidInput):
        await read(world, settings, Server(1), cursor='["2026",0]')


async def test_real_layers_are_understood(world: Any, settings: Any, handed_over: Any) -> None:
    folder = handed_over / "data" / "arcgis_json"
    for name in ("us-tx-waco", "us-fl-polk", "us-mo-columbia"):
        info = (folder / f"{name}-metadata.json").read_bytes()
        page = (folder / f"{name}-0.json").read_bytes()
        world.answer = lambda request, info=info, page=page: httpx.Response(
            200, content=page if request.url.path.endswith("/query") else info
        )
        source = ArcgisSource(CONFIG, settings, world.deps)
        assert len(await source.columns()) > 10
        rows = await source.sample(3)
        assert rows
        assert all(row.row_id.isdigit() for row in rows)
        assert rows[0].geometry is None or rows[0].geometry["type"] in ("Polygon", "MultiPolygon", "Point")
