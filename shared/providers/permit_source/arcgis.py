"""ArcGIS FeatureServer and MapServer layers (contracts/arcgis_featureserver.md): permits, and parcels by reuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderTimeout, ProviderUnavailable
from shared.providers.arcgis_errors import refusal
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch
from shared.providers.settings import VENDORS, ProviderSettings

LONGEST_URL: Final = 2000
_SMALLEST_PAGE: Final = 50

_KINDS: Final[Mapping[str, ColumnKind]] = {
    "esriFieldTypeString": ColumnKind.TEXT,
    "esriFieldTypeOID": ColumnKind.OBJECT_ID,
    "esriFieldTypeInteger": ColumnKind.NUMBER,
    "esriFieldTypeSmallInteger": ColumnKind.NUMBER,
    "esriFieldTypeBigInteger": ColumnKind.NUMBER,
    "esriFieldTypeDouble": ColumnKind.NUMBER,
    "esriFieldTypeSingle": ColumnKind.NUMBER,
    "esriFieldTypeDate": ColumnKind.EPOCH_MILLISECONDS,
}


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer says about itself."""

    object_id: str
    page_size: int
    supports_paging: bool
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """The rows that one request asks for."""

    offset: int
    size: int


class ArcgisSource:
    """Pages a layer by object id; the server's flag, never the length of a page, says whether more follows."""

    name = "arcgis"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if not config.layer_url and not config.layer_path:
            raise InvalidInput("an ArcGIS source needs layer_url or layer_path", source=config.key)
        self._config = config
        self._client = ProviderClient(self.name, _client_settings(config, settings), deps, source=config.key)

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor (an object id) of an earlier page."""
        layer = await self._layer()
        where, after = self._where(since), _object_id(cursor)
        read = self._by_offset if layer.supports_paging else self._by_id_ranges
        async for page in read(layer, where, after):
            yield page

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows, newest first where the feed has a date field."""
        layer = await self._layer()
        field = self._config.incremental_date_field
        where = self._where(None) if field is None else f"{self._where(None)} AND {field} IS NOT NULL"
        order = f"{field} DESC" if field else f"{layer.object_id} ASC"
        parameters = _query(where, order=order, size=min(rows, layer.page_size), offset=0)
        if not layer.supports_paging:
            parameters = [pair for pair in parameters if not pair[0].startswith("result")]
        body = await self._ask(parameters)
        return tuple(_rows(body, layer.object_id))[:rows]

    async def columns(self) -> tuple[Column, ...]:
        """The columns the layer announces today."""
        return (await self._layer()).columns

    async def count(self, *, since: date | None = None) -> int:
        """How many rows the layer holds."""
        body = await self._ask([("where", self._where(since)), ("returnCountOnly", "true"), ("f", "json")])
        if not isinstance(body.get("count"), int):
            raise ProviderBadAnswer("a count was promised", provider=self.name, source=self._config.key)
        return int(body["count"])

    async def _layer(self) -> Layer:
        request = ProviderRequest(endpoint="/{layer}", params=[("f", "json")], judge=_judge)
        reply = await self._client.call(request)
        body = reply.answer.json_object()
        fields = body.get("fields")
        if not reply.found or not isinstance(fields, list):
            raise ProviderBadAnswer("no layer at this address", provider=self.name, source=self._config.key)
        return _layer(body, fields, wanted=self._config.page_size)

    async def _by_offset(self, layer: Layer, where: str, after: int) -> AsyncIterator[RowPage]:
        condition = f"{where} AND {layer.object_id} > {after}" if after >= 0 else where
        window, total = _Window(0, layer.page_size), None
        watch = PageWatch(self.name, self._config.key)
        while True:
            body, window = await self._ask_shrinking(condition, layer, window)
            rows, more = tuple(_rows(body, layer.object_id)), _exceeded(body)
            watch.check(rows)
            if rows or not more:
                yield self._page(rows, rows[-1].row_id if more else None)
            if not more:
                return
            # A short page was cut by the server and an empty one filtered after its limit: go on by what
            # came, or by a whole page, until the flag goes down; the count ends a flag that never does.
            window = replace(window, offset=window.offset + (len(rows) or window.size))
            if not rows:
                total = await self._total(condition) if total is None else total
                if window.offset >= total:
                    return

    async def _total(self, where: str) -> int:
        body = await self._ask([("where", where), ("returnCountOnly", "true"), ("f", "json")])
        return int(body.get("count", 0))

    async def _by_id_ranges(self, layer: Layer, where: str, after: int) -> AsyncIterator[RowPage]:
        body = await self._ask([("where", where), ("returnIdsOnly", "true"), ("f", "json")])
        ids = sorted(int(value) for value in body.get("objectIds") or () if int(value) > after)
        for start in range(0, len(ids), layer.page_size):
            chunk = ids[start : start + layer.page_size]
            between = f"{layer.object_id} >= {chunk[0]} AND {layer.object_id} <= {chunk[-1]}"
            answer = await self._ask(_query(f"{where} AND {between}", order="", size=0, offset=0))
            rows = sorted(_rows(answer, layer.object_id), key=lambda row: int(row.row_id))
            more = start + layer.page_size < len(ids)
            yield self._page(rows, str(chunk[-1]) if more else None)

    async def _ask_shrinking(
        self, where: str, layer: Layer, window: _Window
    ) -> tuple[Mapping[str, Any], _Window]:
        """One page; where the server chokes on it, half of it, down to 50 rows."""
        while True:
            parameters = _query(where, order=f"{layer.object_id} ASC", size=window.size, offset=window.offset)
            try:
                return await self._ask(parameters), window
            except (ProviderUnavailable, ProviderTimeout) as error:
                too_heavy = isinstance(error, ProviderTimeout) or error.fields.get("status") == 504
                if not too_heavy or window.size <= _SMALLEST_PAGE:
                    raise
                window = replace(window, size=max(_SMALLEST_PAGE, window.size // 2))

    async def _ask(self, parameters: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
        length = len(self._client.settings.base_url) + sum(len(k) + len(v) + 2 for k, v in parameters)
        if length > LONGEST_URL:
            request = ProviderRequest(
                endpoint="/{layer}/query", method="POST", path="/query", form=parameters, judge=_judge
            )
        else:
            request = ProviderRequest(
                endpoint="/{layer}/query", path="/query", params=parameters, judge=_judge
            )
        reply = await self._client.call(request)
        if not reply.found:
            raise ProviderBadAnswer("the layer is gone", provider=self.name, source=self._config.key)
        return reply.answer.json_object()

    def _where(self, since: date | None) -> str:
        own = f"({self._config.where})" if self._config.where else "1=1"
        dated = self._config.since_condition(since, f"TIMESTAMP '{since} 00:00:00'")
        return f"{own} AND {dated}" if dated else own

    def _page(self, rows: Iterable[RawRow], cursor: str | None) -> RowPage:
        return RowPage(tuple(rows), cursor, self._client.settings.base_url, datetime.now(UTC))


def _layer(body: Mapping[str, Any], fields: Sequence[Any], *, wanted: int) -> Layer:
    columns = tuple(
        Column(str(field["name"]), _KINDS.get(str(field.get("type")), ColumnKind.OTHER))
        for field in fields
        if isinstance(field, dict) and field.get("type") != "esriFieldTypeGeometry"
    )
    by_type = [column.name for column in columns if column.kind is ColumnKind.OBJECT_ID]
    object_id = str(body.get("objectIdField") or (by_type[0] if by_type else "OBJECTID"))
    advanced = body.get("advancedQueryCapabilities") or {}
    paging = advanced.get("supportsPagination", body.get("supportsPagination", False))
    cap = body.get("maxRecordCount")
    size = min(wanted, cap) if isinstance(cap, int) and cap > 0 else wanted
    return Layer(object_id, size, bool(paging), columns)


def _query(where: str, *, order: str, size: int, offset: int) -> list[tuple[str, str]]:
    parameters = [("where", where), ("outFields", "*"), ("returnGeometry", "true"), ("outSR", "4326")]
    if order:
        parameters.append(("orderByFields", order))
    if size:
        parameters += [("resultOffset", str(offset)), ("resultRecordCount", str(size))]
    return [*parameters, ("f", "json")]


def _exceeded(body: Mapping[str, Any]) -> bool:
    properties = body.get("properties") or {}
    return bool(body.get("exceededTransferLimit") or properties.get("exceededTransferLimit"))


def _rows(body: Mapping[str, Any], object_id: str) -> Iterable[RawRow]:
    for feature in body.get("features") or ():
        columns = feature.get("attributes") or {}
        identifier = columns.get(object_id)
        if not isinstance(identifier, int):
            raise ProviderBadAnswer("a feature without its object id", provider="arcgis")
        yield RawRow(str(identifier), columns, to_geojson(feature.get("geometry")))


def to_geojson(geometry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Esri's geometry as GeoJSON; rings become one polygon for each clockwise (outer) ring with its holes."""
    if not geometry:
        return None
    if isinstance(geometry.get("x"), int | float) and isinstance(geometry.get("y"), int | float):
        return {"type": "Point", "coordinates": [geometry["x"], geometry["y"]]}
    rings = [ring for ring in geometry.get("rings") or () if len(ring) >= 4]
    if not rings:
        return None
    polygons: list[list[Any]] = []
    for ring in rings:
        if _signed_area(ring) <= 0 or not polygons:
            polygons.append([ring])
        else:
            polygons[-1].append(ring)
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _signed_area(ring: Sequence[Sequence[float]]) -> float:
    """Twice the area: negative for clockwise, which Esri uses for outer rings."""
    return sum(
        start[0] * end[1] - end[0] * start[1] for start, end in zip(ring, (*ring[1:], ring[0]), strict=True)
    )


def _judge(answer: Answer) -> Verdict:
    """Errors come inside HTTP 200; a 200 without any of the promised keys is a failure too (PITFALLS 21)."""
    if not 200 <= answer.status < 300:
        return judge_by_status(answer)
    body = answer.json_object()
    error = body.get("error")
    if isinstance(error, dict):
        return refusal(error)
    if not any(key in body for key in ("features", "count", "objectIds", "fields")):
        return Verdict(Outcome.BAD_ANSWER, message="neither features nor an error")
    return Verdict(Outcome.OK)


def _object_id(cursor: str | None) -> int:
    try:
        return int(cursor) if cursor else -1
    except ValueError as error:
        raise InvalidInput("not a cursor of this source") from error


def _client_settings(config: SourceConfig, settings: ProviderSettings) -> ClientSettings:
    facts, root = VENDORS["arcgis"], settings.base_url("arcgis")
    base_url = config.layer_url or f"{config.base_url or root}/{(config.layer_path or '').lstrip('/')}"
    return ClientSettings(
        base_url=base_url,
        account=base_url.partition("://")[2].partition("/")[0],
        requests_per_second=config.requests_per_second or facts.requests_per_second,
        burst=facts.burst,
        timeout_seconds=facts.timeout_seconds,
        guarded=not (root and base_url.startswith(f"{root}/")),
    )
