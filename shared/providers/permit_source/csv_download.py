"""Files that a city puts up for download: CSV, XLSX or a ZIP of one of them, at a fixed address."""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

import httpx
import orjson

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.files import FileRefused
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Reply, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.kept_files import KeptFile, KeptFiles
from shared.providers.permit_source.portal import portal_settings
from shared.providers.permit_source.table_files import inspect
from shared.providers.settings import ProviderSettings

LARGEST_DOWNLOAD_BYTES: Final = 80_000_000
DOWNLOAD_SECONDS: Final = 600.0
MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_DAYS: Final = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%m/%d/%Y"),
    (re.compile(r"\d{8}(?!\d)"), "%Y%m%d"),
    (re.compile(r"[A-Z][a-z]+, \d{1,2} \d{4}"), "%B, %d %Y"),
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Position:
    """So many rows of one version of the file are read."""

    version: str = ""
    rows: int = 0

    @classmethod
    def parse(cls, cursor: str | None) -> _Position:
        """The position a cursor stands for."""
        if cursor is None:
            return cls()
        try:
            version, rows = orjson.loads(cursor)
            return cls(str(version), int(rows))
        except (ValueError, TypeError) as error:
            raise InvalidInput("not a cursor of this source") from error

    def text(self) -> str:
        """The position as a cursor."""
        return orjson.dumps([self.version, self.rows]).decode()


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A downloaded file, open for reading: its version, its columns, its rows by their number in the file."""

    version: str
    columns: Callable[[], tuple[Column, ...]]
    rows: Callable[[], Iterator[RawRow]]


class FileSource:
    """Downloads the file where it changed and reads it row by row, dated rows by their own column.

    A cursor counts rows of one version: where the file changed meanwhile, it is read from its start.
    """

    name = "csv_download"

    def __init__(
        self,
        config: SourceConfig,
        settings: ProviderSettings,
        deps: ProviderDeps,
        kept: KeptFiles | None = None,
    ) -> None:
        if not config.url and not config.file_path:
            raise InvalidInput("a file source needs its url", source=config.key)
        self._config, self._kept = config, kept or KeptFiles()
        client = _client_settings(config, settings)
        self._client = ProviderClient("files", client, deps, source=config.key)
        self._url = config.url or f"{client.base_url}/{(config.file_path or '').lstrip('/')}"

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor of an earlier page."""
        position = _Position.parse(cursor)
        async with self._table() as table:
            if table.version != position.version:
                position = _Position(table.version)
            found = table.rows()
            await self._in_thread(lambda: sum(1 for _ in islice(found, position.rows)))
            rows = self._since(found, since)
            ahead, more = await self._next(rows), True
            while more:
                page, ahead = ahead, await self._next(rows)
                more = bool(ahead)
                self._refuse_cap(page, last=not more)
                after = _Position(table.version, int(page[-1].row_id)).text() if more else None
                yield RowPage(tuple(page), after, self._url, datetime.now(UTC))

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows, newest first where the feed has a date field."""
        field = self._config.incremental_date_field
        async with self._table() as table:
            found = self._since(table.rows(), None)
            if field is None:
                return tuple(await self._in_thread(lambda: list(islice(found, rows))))
            newest = await self._in_thread(
                lambda: heapq.nlargest(rows, found, key=lambda row: _day(row.columns.get(field)) or date.min)
            )
        return tuple(newest)

    async def columns(self) -> tuple[Column, ...]:
        """The columns in the file's header today."""
        async with self._table() as table:
            return await self._in_thread(table.columns)

    def _since(self, rows: Iterator[RawRow], since: date | None) -> Iterator[RawRow]:
        """The rows of that day or later; one whose date cannot be read is kept for the normaliser to judge."""
        field = self._config.incremental_date_field
        for row in rows:
            if field is not None and field not in row.columns:
                raise ProviderRejected(
                    f"the file has no column {field}",
                    provider=self.name,
                    source=self._config.key,
                    reason="invalid",
                )
            day = _day(row.columns[field]) if since is not None and field is not None else None
            if since is None or day is None or day >= since:
                yield row

    async def _next(self, rows: Iterator[RawRow]) -> list[RawRow]:
        return await self._in_thread(lambda: list(islice(rows, self._config.page_size)))

    def _refuse_cap(self, page: list[RawRow], *, last: bool) -> None:
        """An export that ends exactly at its publisher's cap was cut there (500 rows at NCEI's search)."""
        if last and page and int(page[-1].row_id) == self._config.row_cap:
            raise ProviderBadAnswer(
                f"the export stops at its cap of {self._config.row_cap} rows",
                provider=self.name,
                source=self._config.key,
                reason="silent_cap",
            )

    @asynccontextmanager
    async def _table(self) -> AsyncIterator[OpenTable]:
        """The table of today, open for reading."""
        with await self._current() as content, ExitStack() as held:
            yield await self._in_thread(lambda: held.enter_context(self._opened(content)))

    @contextmanager
    def _opened(self, content: BinaryIO) -> Iterator[OpenTable]:
        """The table in a downloaded file; raises FileRefused."""
        table = inspect(content, member=self._config.member, sheet=self._config.sheet)
        kind = ColumnKind.OTHER if table.is_workbook else ColumnKind.TEXT
        yield OpenTable(
            table.version,
            lambda: tuple(Column(name, kind) for name in table.columns()),
            lambda: (RawRow(str(number), columns) for number, columns in enumerate(table.rows(), start=1)),
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """The work's result; a refused table is a bad answer of its publisher, and asked for anew next time."""
        try:
            return await asyncio.to_thread(work)
        except FileRefused as refused:
            self._kept.forget(self._url)
            raise ProviderBadAnswer(
                refused.detail, provider=self.name, source=self._config.key, reason=refused.reason
            ) from refused

    async def _current(self) -> BinaryIO:
        """The file as it is today: downloaded, or the version kept where the host says it is unchanged."""
        kept = self._kept.find(self._url)
        into = self._kept.new()
        with ExitStack() as unused:
            unused.callback(into.close)
            if kept is not None:
                unused.callback(kept.content.close)
            reply = await self._follow(self._request(into, kept))
            if kept is not None and reply.answer.status == httpx.codes.NOT_MODIFIED:
                unused.pop_all()
                into.close()
                return kept.content
            await asyncio.to_thread(self._kept.keep, self._url, into, reply.answer.headers)
            unused.pop_all()
            if kept is not None:
                kept.content.close()
            return into

    def _request(self, into: BinaryIO, kept: KeptFile | None) -> ProviderRequest:
        return ProviderRequest(
            endpoint="/{file}",
            path=self._url,
            headers={**(kept.conditions() if kept else {}), "accept": "*/*"},
            judge=_judge,
            timeout_seconds=DOWNLOAD_SECONDS,
            into=into,
            body_cap_bytes=LARGEST_DOWNLOAD_BYTES,
        )

    async def _follow(self, request: ProviderRequest) -> Reply:
        for _ in range(MOST_REDIRECTS):
            reply = await self._client.call(request)
            if not reply.found:
                raise ProviderBadAnswer(
                    "the file is gone", provider=self.name, source=self._config.key, reason="gone"
                )
            if reply.answer.status not in _REDIRECTS:
                return reply
            # The next address is data: it passes the guard, and the host's validators stay with the first.
            there = httpx.URL(reply.answer.url).join(reply.answer.headers.get("location", ""))
            request = replace(request, path=str(there), configured=False)
        raise ProviderBadAnswer(
            f"more than {MOST_REDIRECTS} redirects",
            provider=self.name,
            source=self._config.key,
            reason="redirects",
        )


def _judge(answer: Answer) -> Verdict:
    if answer.status in _REDIRECTS or answer.status == httpx.codes.NOT_MODIFIED:
        return Verdict(Outcome.OK)
    return judge_by_status(answer)


def _day(cell: Any) -> date | None:
    """The day in a cell, however its publisher writes days; None where it is none."""
    text = str(cell if cell is not None else "").strip()
    for pattern, form in _DAYS:
        if match := pattern.match(text):
            try:
                return datetime.strptime(match[0], form).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                return None
    return None


def _client_settings(config: SourceConfig, settings: ProviderSettings) -> ClientSettings:
    if config.url is None:
        return portal_settings("files", config, settings)
    host = str(httpx.URL(config.url).copy_with(raw_path=b"/")).rstrip("/")
    return portal_settings("files", config.model_copy(update={"base_url": host}), settings)
