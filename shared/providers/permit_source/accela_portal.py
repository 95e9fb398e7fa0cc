"""Accela Citizen Access: the public search pages of agencies whose interface is closed to us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final

import httpx
import orjson

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderError, ProviderRejected
from shared.http.robots import ALLOW_ALL, DISALLOW_ALL, Robots, parse_robots
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.accela_pages import DETAIL_PAGE, AccelaPage, Grid
from shared.providers.permit_source.portal import PageWatch
from shared.providers.settings import VENDORS, ProviderSettings

SAMPLE_WINDOWS: Final = 4
FIRST_DAYS: Final = 365
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Position:
    """The first day of the window that is read, and its pages that are read."""

    start: date
    pages: int = 0

    @classmethod
    def parse(cls, cursor: str) -> _Position:
        """The position a cursor stands for."""
        try:
            start, pages = orjson.loads(cursor)
            return cls(date.fromisoformat(start), int(pages))
        except (ValueError, TypeError) as error:
            raise InvalidInput("not a cursor of this source") from error

    def text(self) -> str:
        """The position as a cursor."""
        return orjson.dumps([self.start.isoformat(), self.pages]).decode()


class AccelaPortal:
    """Searches window by window of days and follows "Next >", which only its own page can post.

    Every reader has a session of its own. A log-in, a CAPTCHA or an anti-bot page is refused by its name
    and never passed by; robots.txt is obeyed.
    """

    name = "accela_portal"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if not config.portal_url and not config.portal_path:
            raise InvalidInput("an Accela portal needs its portal_url", source=config.key)
        root = settings.base_url(self.name)
        self._url = httpx.URL(config.portal_url or f"{root}/{(config.portal_path or '').lstrip('/')}")
        self._config, self._agent = config, deps.user_agent.split("/", 1)[0]
        client = _client_settings(config, self._url, trusted=config.portal_url is None)
        self._client = ProviderClient(self.name, client, deps, source=config.key)
        self._cookies: dict[str, str] = {}
        self._robots: Robots | None = None

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of records dated `since` or later, resuming after the cursor of an earlier page."""
        form = await self._form()
        today = form.today or datetime.now(UTC).date()
        first = since or today - timedelta(days=self._config.first_days or FIRST_DAYS)
        position: _Position | None = _Position.parse(cursor) if cursor else _Position(first)
        watch = PageWatch(self.name, self._config.key)
        while position is not None:
            async for grid, following in self._window(position, today):
                watch.check(grid.rows)
                position = following
                yield RowPage(
                    grid.rows, following.text() if following else None, str(self._url), datetime.now(UTC)
                )

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few records of the newest window that has any; the portal puts the newest first."""
        grid = await self._newest()
        return grid.rows[:rows] if grid else ()

    async def columns(self) -> tuple[Column, ...]:
        """The heads of the grid today."""
        grid = await self._newest()
        return tuple(Column(name, ColumnKind.TEXT) for name in grid.columns) if grid else ()

    async def _newest(self) -> Grid | None:
        form = await self._form()
        end = form.today or datetime.now(UTC).date()
        for _ in range(SAMPLE_WINDOWS):
            start = end - timedelta(days=self._config.search_days - 1)
            grid = (await self._search(start, end)).grid()
            if grid is not None and grid.rows:
                return grid
            end = start - timedelta(days=1)
        return None

    async def _window(self, position: _Position, today: date) -> AsyncIterator[tuple[Grid, _Position | None]]:
        """The unread pages of a window, each with the position after it."""
        end = min(position.start + timedelta(days=self._config.search_days - 1), today)
        after = _Position(end + timedelta(days=1)) if end < today else None
        page, seen, count = await self._search(position.start, end), 0, 0
        while True:
            grid, following = page.grid() or Grid((), ()), page.next_page()
            seen, count = seen + 1, count + len(grid.rows)
            if following is None:
                self._refuse_cap(count)
            if seen > position.pages:
                yield grid, _Position(position.start, seen) if following else after
            elif following is None:
                yield Grid((), ()), after  # the window shrank since the cursor was taken
            if following is None:
                return
            page = self._read(await self._send("POST", following))

    def _refuse_cap(self, count: int) -> None:
        """A search that ends exactly at the portal's cap was cut there; a smaller window sees the rest."""
        if count and count == self._config.row_cap:
            raise self._bad(f"the search stops at its cap of {count} records", "silent_cap")

    async def _search(self, start: date, end: date) -> AccelaPage:
        """The first page of what these days hold, from the form anew.

        One hit alone is answered with its own page, which shows no grid: the window is widened backwards
        until there are two, whose rows are stored again without harm.
        """
        for _ in range(SAMPLE_WINDOWS):
            form = await self._form()
            answer = await self._send("POST", form.search(start, end))
            if DETAIL_PAGE not in answer.headers.get("location", ""):
                return self._read(answer)
            start -= timedelta(days=self._config.search_days)
        raise self._bad("a search shows single records only", "no_grid")

    async def _form(self) -> AccelaPage:
        page = self._read(await self._send("GET"))
        if not page.is_search:
            raise self._bad("no search form on the page", "no_form")
        return page

    async def _send(self, method: str, form: Mapping[str, str] | None = None) -> Answer:
        """An answer to our own session: the shared client's cookies are everybody's."""
        await self._refuse_by_robots()
        request = ProviderRequest(
            endpoint="/Cap/CapHome.aspx",
            method=method,
            path=str(self._url),
            headers={"cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())},
            form=list(form.items()) if form is not None else None,
            judge=_judge,
        )
        reply = await self._client.call(request)
        if not reply.found:
            raise self._bad("no portal at this address", "gone")
        for line in reply.answer.headers.get_list("set-cookie"):
            self._cookies |= _cookies(line)
        return reply.answer

    def _read(self, answer: Answer) -> AccelaPage:
        """The page in an answer, or the name of what came instead of it."""
        location = answer.headers.get("location", "")
        if location:
            wall = "login" in location.lower()
            raise ProviderRejected(
                "the portal asks for a log-in"
                if wall
                else f"the portal refuses the search: {location[:120]}",
                provider=self.name,
                source=self._config.key,
                reason="login_wall" if wall else "invalid",
            )
        page = AccelaPage(answer.body.decode("utf-8", "replace"))
        if page.wall is not None:
            raise ProviderRejected(
                f"the portal shows a {page.wall.replace('_', ' ')}: it is read on request only",
                provider=self.name,
                source=self._config.key,
                reason=page.wall,
            )
        if not page.is_whole:
            raise self._bad("the page is cut off", "cut_off")
        return page

    async def _refuse_by_robots(self) -> None:
        """Ask the host's rules once a reader; no rules stated is a yes, no answer is a no (FE-1)."""
        if self._robots is None:
            request = ProviderRequest(endpoint="/robots.txt", path=str(self._url.join("/robots.txt")))
            try:
                reply = await self._client.call(request)
                self._robots = parse_robots(reply.answer.body, self._agent) if reply.found else ALLOW_ALL
            except ProviderRejected:
                self._robots = ALLOW_ALL
            except ProviderError as error:
                if error.retryable:
                    raise
                self._robots = DISALLOW_ALL
        if not self._robots.allows(self._url.raw_path.decode("ascii")):
            raise ProviderRejected(
                "the host's robots.txt closes this page",
                provider=self.name,
                source=self._config.key,
                reason="robots",
            )

    def _bad(self, detail: str, reason: str) -> ProviderBadAnswer:
        return ProviderBadAnswer(detail, provider=self.name, source=self._config.key, reason=reason)


def _judge(answer: Answer) -> Verdict:
    """A redirect tells something; an anti-bot service answers 403 with its own page."""
    if answer.status in (301, 302, 303, 307, 308):
        return Verdict(Outcome.OK)
    if answer.status == 403 and AccelaPage(answer.body.decode("utf-8", "replace")).wall:
        return Verdict(Outcome.OK)
    return judge_by_status(answer)


def _cookies(line: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    except CookieError:
        return {}


def _client_settings(config: SourceConfig, url: httpx.URL, *, trusted: bool) -> ClientSettings:
    facts = VENDORS["accela_portal"]
    return ClientSettings(
        base_url=str(url.copy_with(raw_path=b"/")).rstrip("/"),
        account=url.host,
        requests_per_second=config.requests_per_second or facts.requests_per_second,
        burst=facts.burst,
        timeout_seconds=facts.timeout_seconds,
        patience_seconds=PATIENCE_SECONDS,
        guarded=not trusted,
    )
