"""CKAN's datastore (contracts/ckan.md): city portals such as San Antonio's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

import orjson

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch, portal_settings
from shared.providers.settings import ProviderSettings

_ACTIONS: Final = "/api/3/action"
_OWN_COLUMNS: Final = frozenset({"_id", "_full_text", "rank"})
_KINDS: Final[Mapping[str, ColumnKind]] = {
    "text": ColumnKind.TEXT,
    "numeric": ColumnKind.NUMBER,
    "float8": ColumnKind.NUMBER,
    "int": ColumnKind.NUMBER,
    "int4": ColumnKind.NUMBER,
    "int8": ColumnKind.NUMBER,
    "bool": ColumnKind.BOOLEAN,
    "date": ColumnKind.LOCAL_TIME,
    "timestamp": ColumnKind.LOCAL_TIME,
    "timestamptz": ColumnKind.UTC_TIME,
}
_SORTABLE: Final = frozenset({ColumnKind.LOCAL_TIME, ColumnKind.UTC_TIME})
_ERROR_TYPES: Final[Mapping[str, Outcome]] = {
    "Authorization Error": Outcome.AUTH,
    "Not Found Error": Outcome.NOT_FOUND,
}
Order = Literal["table", "newest", "sql"]
_ORDERS: Final[Mapping[str, Order]] = {"table": "table", "newest": "newest", "sql": "sql"}


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a reading stands: rows passed in the table's order or newest first, or the last `_id` of a query."""

    order: Order
    at: int = 0

    @classmethod
    def parse(cls, cursor: str) -> _Position:
        """The position a cursor stands for."""
        try:
            order, at = orjson.loads(cursor)
            return cls(_ORDERS[order], int(at))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput("not a cursor of this source") from error

    def text(self) -> str:
        """The position as a cursor."""
        return orjson.dumps([self.order, self.at]).decode()


class CkanSource:
    """Pages a table by what really came: the site cuts a page to its own cap and says so only in the answer.

    Dates and conditions are asked for in SQL; where a site has that door closed, the table is read newest
    first down to the date, and a condition is refused.
    """

    name = "ckan"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if config.resource_id is None:
            raise InvalidInput("a CKAN source needs its resource_id", source=config.key)
        self._config, self._resource = config, config.resource_id
        self._client = ProviderClient(
            self.name, portal_settings(self.name, config, settings), deps, source=config.key
        )

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor of an earlier page."""
        dated = since if self._config.incremental_date_field else None
        position: _Position | None = _Position.parse(cursor) if cursor else await self._start(dated)
        watch = PageWatch(self.name, self._config.key)
        while position is not None:
            if position.order == "sql":
                rows, position = await self._by_sql(dated, position)
            else:
                rows, position = await self._by_offset(dated, position)
            watch.check(rows)
            yield RowPage(
                rows,
                position.text() if position else None,
                f"{self._client.settings.base_url}/dataset/{self._resource}",
                datetime.now(UTC),
            )

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows, newest first where the feed has a date field."""
        order: Order = "newest" if self._config.incremental_date_field else "table"
        return _rows(await self._search(order, limit=rows), self._config.key)

    async def columns(self) -> tuple[Column, ...]:
        """The columns the table announces today."""
        return _columns(await self._search("table", limit=0))

    async def _start(self, since: date | None) -> _Position:
        """SQL where something is to be chosen and the site answers SQL."""
        if since is None and not self._config.where:
            return _Position("table")
        try:
            open_door = (await self._sql("_id > 0", limit=1)) is not None
        except ProviderRejected as refused:
            if refused.fields.get("reason") != Outcome.AUTH.value:
                raise
            open_door = False
        if open_door:
            return _Position("sql")
        if self._config.where:
            raise ProviderRejected(
                "this portal answers no SQL, so `where` cannot be kept",
                provider=self.name,
                source=self._config.key,
                reason="invalid",
            )
        return _Position("newest")

    async def _by_sql(
        self, since: date | None, position: _Position
    ) -> tuple[tuple[RawRow, ...], _Position | None]:
        conditions = [f"_id > {position.at}"]
        if self._config.where:
            conditions.append(f"({self._config.where})")
        column = _quoted(self._config.incremental_date_field)
        if dated := self._config.since_condition(since, f"'{since}'", column=column):
            conditions.append(dated)
        result = await self._sql(" AND ".join(conditions), limit=self._config.page_size)
        if result is None:
            raise ProviderBadAnswer("the table is gone", provider=self.name, source=self._config.key)
        rows = _rows(result, self._config.key)
        more = len(rows) == self._config.page_size or bool(result.get("records_truncated") and rows)
        return rows, _Position("sql", int(rows[-1].row_id)) if more else None

    async def _by_offset(
        self, since: date | None, position: _Position
    ) -> tuple[tuple[RawRow, ...], _Position | None]:
        result = await self._search(position.order, limit=self._config.page_size, offset=position.at)
        rows, passed = _rows(result, self._config.key), position.at
        passed += len(rows)
        if since is not None and self._config.incremental_date_field in _sortable(result):
            days = [str(row.columns.get(self._config.incremental_date_field) or "")[:10] for row in rows]
            kept = tuple(row for row, day in zip(rows, days, strict=True) if day >= since.isoformat())
            if len(kept) < len(rows):
                return kept, None
        exact = isinstance(result.get("total"), int) and not result.get("total_was_estimated")
        if exact and passed < result["total"] and not rows:
            raise ProviderBadAnswer(
                f"the portal counts {result['total']} rows and gives {passed}",
                provider=self.name,
                source=self._config.key,
                reason="silent_cap",
            )
        more = passed < result["total"] if exact else bool(rows)
        return rows, _Position(position.order, passed) if more else None

    async def _search(self, order: Order, *, limit: int, offset: int = 0) -> Mapping[str, Any]:
        sort = "_id asc"
        if order == "newest" and self._config.incremental_date_field:
            sort = f"{_quoted(self._config.incremental_date_field)} desc nulls last,_id asc"
        parameters = [
            ("resource_id", self._resource),
            ("sort", sort),
            ("limit", str(limit)),
            ("offset", str(offset)),
        ]
        result = await self._ask("datastore_search", parameters)
        if result is None:
            raise ProviderBadAnswer(
                "no such table in the portal's datastore", provider=self.name, source=self._config.key
            )
        return result

    async def _sql(self, where: str, *, limit: int) -> Mapping[str, Any] | None:
        """A query's result; None where the portal has no such door."""
        # The portal runs it under its own read-only role; names are quoted, values are numbers and dates.
        sql = f'SELECT * FROM "{self._resource}" WHERE {where} ORDER BY _id LIMIT {limit}'  # noqa: S608
        return await self._ask("datastore_search_sql", [("sql", sql)])

    async def _ask(self, action: str, parameters: Sequence[tuple[str, str]]) -> Mapping[str, Any] | None:
        request = ProviderRequest(
            endpoint=f"/{action}", path=f"{_ACTIONS}/{action}", params=parameters, judge=_judge
        )
        reply = await self._client.call(request)
        return dict(reply.answer.json_object()["result"]) if reply.found else None


def _quoted(name: str | None) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _columns(result: Mapping[str, Any]) -> tuple[Column, ...]:
    return tuple(
        Column(str(field["id"]), _KINDS.get(str(field.get("type")), ColumnKind.OTHER))
        for field in result.get("fields") or ()
        if isinstance(field, dict) and field.get("id") not in (None, *_OWN_COLUMNS)
    )


def _sortable(result: Mapping[str, Any]) -> set[str]:
    """Columns whose order is the order of time; a date kept as text sorts by its letters."""
    return {column.name for column in _columns(result) if column.kind in _SORTABLE}


def _rows(result: Mapping[str, Any], source: str) -> tuple[RawRow, ...]:
    records = result.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) and "_id" in r for r in records):
        raise ProviderBadAnswer("rows with their _id were promised", provider="ckan", source=source)
    return tuple(
        RawRow(str(r["_id"]), {name: value for name, value in r.items() if name not in _OWN_COLUMNS})
        for r in records
    )


def _judge(answer: Answer) -> Verdict:
    """`success` tells, whatever the status says; a proxy's HTML is no answer of the portal (PITFALLS 22)."""
    if answer.status >= 500 or answer.status in (401, 408, 425, 429):
        return judge_by_status(answer)
    try:
        body = answer.json_object()
    except ProviderBadAnswer:
        if 200 <= answer.status < 300:
            raise
        return judge_by_status(answer)
    if body.get("success") is True and isinstance(body.get("result"), dict):
        return Verdict(Outcome.OK)
    error = body.get("error")
    if body.get("success") is not False or not isinstance(error, dict):
        return Verdict(Outcome.BAD_ANSWER, message="neither a result nor an error")
    outcome = _ERROR_TYPES.get(str(error.get("__type")), Outcome.INVALID)
    words = error.get("message") or {name: text for name, text in error.items() if name != "__type"}
    return Verdict(outcome, message=f"{error.get('__type', 'error')}: {str(words)[:300]}")
