"""Socrata SODA 2: open permit portals (contracts/socrata.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch, portal_settings
from shared.providers.settings import ProviderSettings

_KINDS: Final[Mapping[str, ColumnKind]] = {
    "text": ColumnKind.TEXT,
    "url": ColumnKind.OTHER,
    "number": ColumnKind.NUMBER,
    "money": ColumnKind.NUMBER,
    "double": ColumnKind.NUMBER,
    "checkbox": ColumnKind.BOOLEAN,
    "calendar_date": ColumnKind.LOCAL_TIME,
    "floating_timestamp": ColumnKind.LOCAL_TIME,
    "fixed_timestamp": ColumnKind.UTC_TIME,
    "point": ColumnKind.POINT,
    "location": ColumnKind.POINT,
}


class SocrataSource:
    """Pages a dataset by (:updated_at, :id), so that no row is lost or read twice between pages (PITFALLS 20)."""

    name = "socrata"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if config.dataset_id is None:
            raise InvalidInput("a Socrata source needs its dataset_id", source=config.key)
        self._config = config
        self._client = ProviderClient(self.name, _client_settings(config, settings), deps, source=config.key)
        self._resource = f"/resource/{config.dataset_id}.json"

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor of an earlier page."""
        position: _Position | None = _Position.parse(cursor) if cursor else _Position()
        watch = PageWatch(self.name, self._config.key)
        while position is not None:
            rows = await self._rows(self._query(since, position))
            kept, position = position.advance(rows, self._config.page_size)
            if kept or position is None:
                page = self._page(kept, position)
                watch.check(page.rows)
                yield page

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows, newest first where the feed has a date field."""
        query = [("$select", ":*,*"), ("$order", ":id"), ("$limit", str(rows))]
        field = self._config.incremental_date_field
        if field:
            query = [
                ("$select", ":*,*"),
                ("$where", self._where(f"{field} IS NOT NULL")),
                ("$order", f"{field} DESC"),
                ("$limit", str(rows)),
            ]
        return tuple(_raw_row(row) for row in await self._rows(query))

    async def columns(self) -> tuple[Column, ...]:
        """The columns the feed announces today."""
        request = ProviderRequest(
            endpoint="/api/views/{dataset}.json",
            path=f"/api/views/{self._config.dataset_id}.json",
            judge=_judge,
        )
        reply = await self._client.call(request)
        columns = reply.answer.json_object().get("columns")
        if not isinstance(columns, list):
            raise ProviderBadAnswer("metadata without columns", provider=self.name, source=self._config.key)
        return tuple(
            Column(str(column["fieldName"]), _KINDS.get(str(column.get("dataTypeName")), ColumnKind.OTHER))
            for column in columns
            if isinstance(column, dict) and column.get("fieldName")
        )

    def _query(self, since: date | None, position: _Position) -> list[tuple[str, str]]:
        dated = self._config.since_condition(since, f"'{since}T00:00:00'")
        conditions = [dated] if dated else []
        if position.after:
            conditions.append(f":updated_at > '{position.after}'")
        query = [("$select", ":*,*"), ("$order", ":updated_at,:id"), ("$limit", str(self._config.page_size))]
        where = self._where(*conditions)
        if where:
            query.append(("$where", where))
        if position.offset:
            query.append(("$offset", str(position.offset)))
        return query

    def _where(self, *conditions: str) -> str:
        own = (f"({self._config.where})",) if self._config.where else ()
        return " AND ".join((*own, *conditions))

    async def _rows(self, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
        request = ProviderRequest(
            endpoint="/resource/{dataset}.json", path=self._resource, params=query, judge=_judge
        )
        reply = await self._client.call(request)
        if not reply.found:
            raise ProviderBadAnswer("the dataset is gone", provider=self.name, source=self._config.key)
        rows = reply.answer.json()
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderBadAnswer("rows were promised", provider=self.name, source=self._config.key)
        return rows

    def _page(self, rows: list[dict[str, Any]], position: _Position | None) -> RowPage:
        return RowPage(
            rows=tuple(_raw_row(row) for row in rows),
            cursor=position.text() if position else None,
            source_url=f"{self._client.settings.base_url}{self._resource}",
            fetched_at=datetime.now(UTC),
        )


class _Position:
    """Everything up to `after` is read, and `offset` rows beyond it.

    Rows that share the last time of a page may go on in the next one: they are left for it. Only where one
    time fills a whole page (a bulk load) does the offset move on inside it, in the stable order of :id.
    """

    def __init__(self, after: str = "", offset: int = 0) -> None:
        self.after = after
        self.offset = offset

    @classmethod
    def parse(cls, cursor: str) -> _Position:
        """The position a cursor stands for."""
        try:
            after, offset = orjson.loads(cursor)
            return cls(str(after), int(offset))
        except (ValueError, TypeError) as error:
            raise InvalidInput("not a cursor of this source") from error

    def text(self) -> str:
        """The position as a cursor."""
        return orjson.dumps([self.after, self.offset]).decode()

    def advance(
        self, rows: list[dict[str, Any]], page_size: int
    ) -> tuple[list[dict[str, Any]], _Position | None]:
        """The rows to hand out now, and where the next page starts; None when this was the last."""
        if len(rows) < page_size:
            return rows, None
        last = _updated_at(rows[-1])
        complete = [row for row in rows if _updated_at(row) < last]
        if not complete:
            return rows, _Position(self.after, self.offset + len(rows))
        return complete, _Position(_updated_at(complete[-1]))


def _updated_at(row: Mapping[str, Any]) -> str:
    return str(row.get(":updated_at", ""))


def _raw_row(row: Mapping[str, Any]) -> RawRow:
    columns = {name: value for name, value in row.items() if not name.startswith(":")}
    return RawRow(
        row_id=str(row.get(":id", "")),
        columns=columns,
        geometry=_geometry(columns),
        updated_at=_updated_at(row) or None,
    )


def _geometry(columns: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first point column as GeoJSON; the old `location` type has text latitude and longitude."""
    for value in columns.values():
        if isinstance(value, dict) and value.get("type") == "Point" and value.get("coordinates"):
            return value
        if isinstance(value, dict) and value.get("latitude") and value.get("longitude"):
            return _point(value["longitude"], value["latitude"])
    return None


def _point(longitude: Any, latitude: Any) -> Mapping[str, Any] | None:
    try:
        return {"type": "Point", "coordinates": [float(longitude), float(latitude)]}
    except (TypeError, ValueError):
        return None


def _judge(answer: Answer) -> Verdict:
    if answer.status == 202:  # the query is still being computed
        return Verdict(Outcome.RETRYABLE, message="still computing", wait_seconds=1.0)
    if answer.status == 400:
        return Verdict(Outcome.INVALID, message=_complaint(answer))
    return judge_by_status(answer)


def _complaint(answer: Answer) -> str:
    """Socrata's error code, which names a renamed column better than its message."""
    try:
        body = answer.json_object()
    except ProviderBadAnswer:
        return "HTTP 400"
    return f"{body.get('code', 'HTTP 400')}: {str(body.get('message', ''))[:300]}"


def _client_settings(config: SourceConfig, settings: ProviderSettings) -> ClientSettings:
    token = settings.socrata_app_token.get_secret_value()
    return portal_settings("socrata", config, settings, headers={"x-app-token": token} if token else {})
