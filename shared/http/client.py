"""Fetching pages that somebody else wrote: address guard, robots.txt, politeness, caps, one decision.

The decision itself (`can_fetch`) is a pure function of compliance and comes in as an argument; no page is
asked for without its yes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Literal, Protocol

import httpx

from shared.errors import (
    PolicyViolation,
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.http.answers import (
    read_capped,
    read_prefix,
    refuse_inside_transaction,
    retry_after_seconds,
    vendor_failures,
)
from shared.http.robots import ALLOW_ALL, DISALLOW_ALL, Robots, parse_robots
from shared.http.ssrf import CONFIGURED_EXTENSION, AddressRefused, Origin
from shared.telemetry.context import current_trace

MAX_REDIRECTS = 5
ROBOTS_CACHE_SECONDS = 24 * 3600
"""FE-1: a robots.txt is cached at most this long."""
ROBOTS_RETRY_SECONDS = 60.0
ROBOTS_MAX_BYTES = 512 * 1024
CRAWL_DELAY_CAP_SECONDS = 60.0
"""FE-2: a host that asks for more is skipped."""
DEFAULT_BODY_CAP_BYTES = 25_000_000

_RETRY_LATER = (429, 503)
_DEFAULT_WAIT_SECONDS = 60.0
_WALL_MARKERS = re.compile(
    rb"<input[^>]+type\s*=\s*[\"']?password|g-recaptcha|h-captcha|cf-turnstile|cf-challenge|px-captcha",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FetchSource:
    """What the source registry says about a host (FE-4)."""

    key: str
    tos: Literal["allowed", "prohibited", "unknown"] = "unknown"
    enabled: bool = False
    auth_required: bool = False
    requests_per_second: float = 1 / 3
    concurrency: int = 1

    @property
    def closed(self) -> bool:
        """True where the registry alone says no: such a host is not even asked for its robots.txt."""
        return self.tos != "allowed" or not self.enabled


@dataclass(frozen=True, slots=True)
class FetchFacts:
    """What `can_fetch` is asked about; field for field its snapshot."""

    robots_status: int | None
    robots_allows: bool
    auth_required: bool
    tos: Literal["allowed", "prohibited", "unknown"]
    enabled: bool
    source: str = ""
    robots_asked: bool = True


class FetchVerdict(Protocol):
    """The part of a compliance decision that a fetch needs."""

    @property
    def allow(self) -> bool:
        """True when nothing speaks against it."""

    @property
    def reasons(self) -> Sequence[str]:
        """Codes of everything that speaks against it."""


DecideFetch = Callable[[FetchFacts], Awaitable[FetchVerdict]]


class Pacer(Protocol):
    """Holds a caller back until its key may go again."""

    async def wait(self, key: str, requests_per_second: float) -> None:
        """Return when the key may go."""


class FetchDenied(PolicyViolation):
    """`can_fetch` said no; the decision tells why."""

    code: ClassVar[str] = "fetch-denied"
    title: ClassVar[str] = "Fetch denied"

    def __init__(self, source: str, decision: FetchVerdict) -> None:
        reasons = [str(reason) for reason in decision.reasons]
        super().__init__(f"{source} may not be read: {', '.join(reasons)}", reasons=reasons, source=source)
        self.decision = decision


class AuthenticationWall(PolicyViolation):
    """The host asks for a login or a CAPTCHA: it is not fetched again until a person has looked (FE-3)."""

    code: ClassVar[str] = "auth-required"
    title: ClassVar[str] = "Authentication wall"


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A page as it came, with where it truly came from and the decision that allowed it."""

    url: str
    status: int
    content_type: str
    body: bytes
    fetched_at: datetime
    decision: FetchVerdict
    etag: str | None = None
    last_modified: str | None = None
    charset: str = "utf-8"

    def text(self) -> str:
        """The body as text; wrong bytes become replacement characters."""
        try:
            return self.body.decode(self.charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """What a browser showed after the page's scripts had run."""

    url: str
    status: int
    content_type: str
    html: str


@dataclass(slots=True)
class _HostState:
    slots: asyncio.Semaphore
    robots: Robots = DISALLOW_ALL
    robots_status: int | None = None
    robots_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class GuardedFetcher:
    """Fetches pages politely and only where address guard, robots.txt and `can_fetch` all agree."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        decide: DecideFetch,
        *,
        user_agent: str,
        pacer: Pacer | None = None,
        timeout_seconds: float = 30.0,
        body_cap_bytes: int = DEFAULT_BODY_CAP_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._decide = decide
        self._user_agent = user_agent
        self._product_token = user_agent.split("/", 1)[0]
        self._pacer = pacer or LocalPacer(clock=clock)
        self._timeout_seconds = timeout_seconds
        self._body_cap_bytes = body_cap_bytes
        self._clock = clock
        self._hosts: dict[Origin, _HostState] = {}

    async def fetch(self, url: str, source: FetchSource, *, configured: bool = False) -> FetchedPage:
        """The page behind a URL; `configured` marks a configured source's own URL, never one found in data.

        Raises FetchDenied, AddressRefused, AuthenticationWall, or the ProviderError that fits.
        """
        refuse_inside_transaction()
        target = _parsed(url)
        try:
            async with asyncio.timeout(self._timeout_seconds + CRAWL_DELAY_CAP_SECONDS):
                return await self._follow(target, source, configured=configured)
        except TimeoutError as error:
            raise ProviderTimeout("the page did not come in time", provider=source.key) from error

    @asynccontextmanager
    async def turn(
        self, url: str, source: FetchSource, *, configured: bool = False
    ) -> AsyncIterator[FetchVerdict]:
        """A turn at a host for a browser of ours: allowed, at the host's pace, with one of its slots."""
        refuse_inside_transaction()
        target = _parsed(url)
        decision = await self._allowed(target, source, configured=configured)
        host = self._host(Origin.of(target), source)
        async with host.slots:
            await self._pace(target, source, host)
            yield decision

    async def rendered(
        self, asked: str, shown: RenderedPage, source: FetchSource, decision: FetchVerdict
    ) -> FetchedPage:
        """The page that a browser shows, held to what holds for every page; raises what `fetch` raises."""
        if shown.url != asked:
            target = _parsed(shown.url)
            if not _same_site(_parsed(asked), target):
                raise ProviderRejected("the page redirects to another host", provider=source.key)
            decision = await self._allowed(target, source, configured=False)
        headers = httpx.Headers({"content-type": shown.content_type or "text/html"})
        reply = _Reply(shown.url, shown.status, headers, shown.html.encode("utf-8", "replace"))
        _refuse_failures(reply, source.key)
        return _page(reply, decision)

    async def survey(self, url: str, source: FetchSource, *, configured: bool = False) -> FetchFacts:
        """The facts `can_fetch` needs about a URL, without asking for the page itself."""
        return await self._facts(_parsed(url), source, configured=configured)

    async def _facts(self, target: httpx.URL, source: FetchSource, *, configured: bool) -> FetchFacts:
        if source.closed:
            robots, status = DISALLOW_ALL, None
        else:
            host = self._host(Origin.of(target), source)
            robots, status = await self._robots(target, source, host, configured=configured)
        return FetchFacts(
            robots_status=status,
            robots_allows=robots.allows(target.raw_path.decode("ascii")),
            auth_required=source.auth_required,
            tos=source.tos,
            enabled=source.enabled,
            source=source.key,
            robots_asked=not source.closed,
        )

    async def _follow(self, target: httpx.URL, source: FetchSource, *, configured: bool) -> FetchedPage:
        start = target
        for hop in range(MAX_REDIRECTS + 1):
            reply, decision = await self._one_hop(target, source, configured=configured and hop == 0)
            if not reply.is_redirect:
                _refuse_failures(reply, source.key)
                return _page(reply, decision)
            target = _redirect_target(target, reply.location)
            if not _same_site(start, target):
                # Another host has its own terms and its own registry row; nobody reviewed them for this one.
                raise ProviderRejected("the page redirects to another host", provider=source.key)
        raise ProviderBadAnswer("too many redirects", provider=source.key)

    async def _one_hop(
        self, target: httpx.URL, source: FetchSource, *, configured: bool
    ) -> tuple[_Reply, FetchVerdict]:
        decision = await self._allowed(target, source, configured=configured)
        host = self._host(Origin.of(target), source)
        async with host.slots:
            await self._pace(target, source, host)
            return await self._get(target, configured=configured, provider=source.key), decision

    async def _allowed(self, target: httpx.URL, source: FetchSource, *, configured: bool) -> FetchVerdict:
        facts = await self._facts(target, source, configured=configured)
        decision = await self._decide(facts)
        if not decision.allow or not facts.robots_asked:
            raise FetchDenied(source.key, decision)
        return decision

    async def _pace(self, target: httpx.URL, source: FetchSource, host: _HostState) -> None:
        delay = host.robots.crawl_delay_seconds
        if delay is not None and delay > CRAWL_DELAY_CAP_SECONDS:
            raise ProviderRejected("the host asks for a longer delay than we wait", provider=source.key)
        rate = min(source.requests_per_second, 1 / delay) if delay else source.requests_per_second
        await self._pacer.wait(f"fetch:{Origin.of(target).host}:{Origin.of(target).port}", rate)

    async def _robots(
        self, target: httpx.URL, source: FetchSource, host: _HostState, *, configured: bool
    ) -> tuple[Robots, int | None]:
        async with host.lock:
            if self._clock() >= host.robots_until:
                await self._read_robots(target, source, host, configured=configured)
            return host.robots, host.robots_status

    async def _read_robots(
        self, target: httpx.URL, source: FetchSource, host: _HostState, *, configured: bool
    ) -> None:
        """Refresh a host's rules: 2xx obeyed, 4xx free, unreachable keeps the copy or closes it (FE-1)."""
        status, body = await self._robots_answer(target.join("/robots.txt"), source, configured=configured)
        if status is not None and 200 <= status < 300:
            host.robots, host.robots_status = parse_robots(body, self._product_token), status
        elif status is not None and 400 <= status < 500:
            host.robots, host.robots_status = ALLOW_ALL, status
        elif host.robots is DISALLOW_ALL:
            host.robots_status = status
            host.robots_until = self._clock() + ROBOTS_RETRY_SECONDS
            return
        host.robots_until = self._clock() + ROBOTS_CACHE_SECONDS

    async def _robots_answer(
        self, url: httpx.URL, source: FetchSource, *, configured: bool
    ) -> tuple[int | None, bytes]:
        for hop in range(MAX_REDIRECTS + 1):
            try:
                first = configured and hop == 0
                reply = await self._get(url, configured=first, provider=source.key, prefix=ROBOTS_MAX_BYTES)
            except ProviderError:
                return None, b""
            if reply.status == 429:  # a host too busy to state its rules has not said that it has none
                return None, b""
            if not reply.is_redirect:
                return reply.status, reply.body
            url = _redirect_target(url, reply.location)
        return None, b""

    async def _get(
        self, url: httpx.URL, *, configured: bool, provider: str, prefix: int | None = None
    ) -> _Reply:
        """One request without redirects; `prefix` reads only that much, else the whole body under the cap."""
        headers = {"user-agent": self._user_agent, "accept-encoding": "gzip"}
        headers["traceparent"] = current_trace().child().traceparent
        extensions = {CONFIGURED_EXTENSION: configured}
        request = self._http.build_request("GET", url, headers=headers, extensions=extensions)
        with vendor_failures(provider):
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    if prefix is None:
                        body = await read_capped(response, self._body_cap_bytes, provider=provider)
                    else:
                        body = await read_prefix(response, prefix, provider=provider)
                finally:
                    await response.aclose()
        charset = response.charset_encoding or "utf-8"
        return _Reply(str(url), response.status_code, response.headers, body, charset)

    def _host(self, origin: Origin, source: FetchSource) -> _HostState:
        if origin not in self._hosts:
            self._hosts[origin] = _HostState(asyncio.Semaphore(max(1, source.concurrency)))
        return self._hosts[origin]


class _Reply:
    """One answer read to its end."""

    def __init__(
        self, url: str, status: int, headers: httpx.Headers, body: bytes, charset: str = "utf-8"
    ) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.charset = charset
        self.body = body

    def shows_wall(self) -> bool:
        """True when the page is a login form or a CAPTCHA (FE-3)."""
        html = "html" in self.headers.get("content-type", "")
        return html and _WALL_MARKERS.search(self.body[:200_000]) is not None

    @property
    def is_redirect(self) -> bool:
        """True when the answer sends us elsewhere."""
        return self.status in (301, 302, 303, 307, 308) and bool(self.location)

    @property
    def location(self) -> str:
        """Where to, as written."""
        return str(self.headers.get("location", ""))


def _refuse_failures(reply: _Reply, provider: str) -> None:
    if reply.status in (401, 403, 407) or reply.shows_wall():
        raise AuthenticationWall("the host asks for a login", source=provider, status=reply.status)
    if reply.status in _RETRY_LATER:
        later = retry_after_seconds(reply.headers) or _DEFAULT_WAIT_SECONDS
        raise ProviderRateLimited("the host asks us to wait", retry_after=later, provider=provider)
    if reply.status >= 500:
        raise ProviderUnavailable(f"the host answered {reply.status}", provider=provider)
    if reply.status not in (200, 404, 410):
        raise ProviderRejected("the host refused", provider=provider, status=reply.status)


def _page(reply: _Reply, decision: FetchVerdict) -> FetchedPage:
    return FetchedPage(
        url=reply.url,
        status=reply.status,
        content_type=reply.headers.get("content-type", "").split(";")[0].strip().lower(),
        body=reply.body,
        fetched_at=datetime.now(UTC),
        decision=decision,
        etag=reply.headers.get("etag"),
        last_modified=reply.headers.get("last-modified"),
        charset=reply.charset,
    )


def _parsed(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused("not a URL", reason="url") from error


def _redirect_target(source: httpx.URL, location: str) -> httpx.URL:
    try:
        return source.join(location)
    except httpx.InvalidURL as error:
        raise ProviderBadAnswer("a redirect to no URL") from error


def _same_site(first: httpx.URL, second: httpx.URL) -> bool:
    return first.host.removeprefix("www.") == second.host.removeprefix("www.")


class LocalPacer:
    """Spaces requests evenly per key inside this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}

    async def wait(self, key: str, requests_per_second: float) -> None:
        """Return when the key's next slot has come; slots are given out in the order of asking."""
        now = self._clock()
        slot = max(now, self._next.get(key, now))
        self._next[key] = slot + 1 / requests_per_second
        if slot > now:
            await asyncio.sleep(slot - now)
