"""Tyler EnerGov self service: the JSON search behind a city's permit pages.

The names on its wire are RECALLED: no real answer was at hand. They are data (`EnergovShape`), so that the
first real answer of a city corrects its entry and not this module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import orjson

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch, portal_settings
from shared.providers.settings import ProviderSettings

LARGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class _Position:
    """The day the search begins with and the page that comes next."""

    start: date | None
    page: int = 1

    @classmethod
    def parse(cls, cursor: str) -> _Position:
        """The position a cursor stands for."""
        try:
            start, page = orjson.loads(cursor)
            return cls(date.fromisoformat(start) if start else None, int(page))
        except (ValueError, TypeError) as error:
            raise InvalidInput("not a cursor of this source") from error

    def text(self) -> str:
        """The position as a cursor."""
        return orjson.dumps([self.start.isoformat() if self.start else None, self.page]).decode()


class EnergovSource:
    """Pages a city's permits oldest first, so that permits issued meanwhile come behind those that are read."""

    name = "energov"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._config, self._shape = config, config.energov
        self._size = min(config.page_size, LARGEST_PAGE)
        client = portal_settings(self.name, config, settings, headers=self._shape.headers)
        self._client = ProviderClient(self.name, client, deps, source=config.key)

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of permits issued `since` or later, resuming after the cursor of an earlier page."""
        if since is None and self._config.first_days is not None:
            since = datetime.now(UTC).date() - timedelta(days=self._config.first_days)
        position: _Position | None = _Position.parse(cursor) if cursor else _Position(since)
        watch = PageWatch(self.name, self._config.key)
        while position is not None:
            rows, total = await self._search(position.start, position.page, newest_first=False)
            watch.check(rows)
            passed = (position.page - 1) * self._size + len(rows)
            if len(rows) < self._size and passed < total:
                raise self._bad(f"the portal counts {total} permits and gives {passed}", "silent_cap")
            position = _Position(position.start, position.page + 1) if passed < total else None
            yield RowPage(
                rows, position.text() if position else None, self._client.settings.base_url, datetime.now(UTC)
            )

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few permits, newest first."""
        found, _ = await self._search(None, 1, newest_first=True)
        return found[:rows]

    async def columns(self) -> tuple[Column, ...]:
        """The names in the newest permits: the portal announces none."""
        found, _ = await self._search(None, 1, newest_first=True)
        names = dict.fromkeys(name for row in found for name in row.columns)
        return tuple(Column(name, ColumnKind.OTHER) for name in names)

    async def _search(
        self, start: date | None, page: int, *, newest_first: bool
    ) -> tuple[tuple[RawRow, ...], int]:
        """One page of permits and how many the portal counts."""
        shape = self._shape
        criteria: dict[str, Any] = {
            shape.page_number: page,
            shape.page_size: self._size,
            shape.sort_by: shape.sort_field,
            shape.sort_ascending: not newest_first,
        }
        if start is not None:
            criteria[shape.issued_from] = f"{start}T00:00:00"
        body = {**shape.body, **criteria, shape.criteria: criteria}
        request = ProviderRequest(
            endpoint="/search", method="POST", path=shape.path, json=body, judge=self._judge
        )
        reply = await self._client.call(request)
        if not reply.found:
            raise self._bad("no search at this address", "gone")
        result = reply.answer.json_object()[shape.result]
        records, total = result.get(shape.records), result.get(shape.total)
        if not isinstance(records, list) or not isinstance(total, int):
            raise self._bad("permits and their count were promised", "shape")
        return tuple(self._raw_row(record) for record in records), total

    def _raw_row(self, record: Any) -> RawRow:
        if not isinstance(record, dict) or not record.get(self._shape.record_id):
            raise self._bad(f"a permit without {self._shape.record_id}", "shape")
        return RawRow(str(record[self._shape.record_id]), record)

    def _judge(self, answer: Answer) -> Verdict:
        """A failed search answers 200 with `Success` false and words; log-in pages answer 200 as HTML."""
        if not 200 <= answer.status < 300:
            return judge_by_status(answer)
        body: Mapping[str, Any] = answer.json_object()
        if body.get(self._shape.success) is False:
            return Verdict(Outcome.INVALID, message=str(body.get(self._shape.error) or "refused")[:300])
        if not isinstance(body.get(self._shape.result), dict):
            return Verdict(Outcome.BAD_ANSWER, message="neither a result nor an error")
        return Verdict(Outcome.OK)

    def _bad(self, detail: str, reason: str) -> ProviderBadAnswer:
        return ProviderBadAnswer(detail, provider=self.name, source=self._config.key, reason=reason)
