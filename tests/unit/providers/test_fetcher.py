"""Fetching a page: every gate on the way can close it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.db.unit_of_work import transaction_marker
from shared.errors import ProviderBadAnswer, ProviderRateLimited, ProviderRejected, ProviderUnavailable
from shared.http.client import (
    AuthenticationWall,
    FetchDenied,
    FetchFacts,
    FetchSource,
    FetchVerdict,
    GuardedFetcher,
)
from tests.factories.fetching import decide_fetch

OPEN = FetchSource("county", tos="allowed", enabled=True, requests_per_second=1000)
URL = "https://county.test/property/1"


class Pacer:
    def __init__(self) -> None:
        self.waits: list[tuple[str, float]] = []

    async def wait(self, key: str, requests_per_second: float) -> None:
        self.waits.append((key, requests_per_second))


class Site:
    """A host whose robots.txt and pages a test sets."""

    def __init__(self) -> None:
        self.robots: Any = httpx.Response(404)
        self.pages: dict[str, Any] = {}
        self.seen: list[httpx.Request] = []
        self.running = self.most_running = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0.001)
        self.running -= 1
        answer = self.robots if request.url.path == "/robots.txt" else self.pages.get(str(request.url))
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return httpx.Response(200, html="<p>page</p>")
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def asked(self) -> list[str]:
        return [str(request.url) for request in self.seen]


class Now:
    value = 0.0

    def __call__(self) -> float:
        return self.value


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def pacer() -> Pacer:
    return Pacer()


@pytest_asyncio.fixture
async def fetcher(site: Site, pacer: Pacer, now: Now) -> AsyncIterator[GuardedFetcher]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(site)) as http:
        yield GuardedFetcher(
            http, decide_fetch, user_agent="Ridgeline/0.1 (+x)", pacer=pacer, body_cap_bytes=1000, clock=now
        )


class TestRobots:
    async def test_an_allowed_page_comes_with_its_decision(self, fetcher: GuardedFetcher, site: Site) -> None:
        page = await fetcher.fetch(URL, OPEN)
        assert page.text() == "<p>page</p>"
        assert page.decision.allow
        assert {request.headers["user-agent"] for request in site.seen} == {"Ridgeline/0.1 (+x)"}

    async def test_a_disallowed_page_is_not_asked_for(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.robots = httpx.Response(200, text="User-agent: *\nDisallow: /property/\n")
        with pytest.raises(FetchDenied) as caught:
            await fetcher.fetch(URL, OPEN)
        assert caught.value.fields["reasons"] == ["ROBOTS_DISALLOW"]
        assert URL not in site.asked()

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(503),
            httpx.Response(500),
            httpx.Response(429),
            httpx.ReadTimeout("slow"),
            httpx.ConnectError("x"),
        ],
    )
    async def test_unreachable_rules_close_the_host(
        self, fetcher: GuardedFetcher, site: Site, answer: Any
    ) -> None:
        site.robots = answer
        with pytest.raises(FetchDenied) as caught:
            await fetcher.fetch(URL, OPEN)
        assert "ROBOTS_UNREACHABLE" in caught.value.fields["reasons"]

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    async def test_no_rules_mean_free(self, fetcher: GuardedFetcher, site: Site, status: int) -> None:
        site.robots = httpx.Response(status)
        assert (await fetcher.fetch(URL, OPEN)).status == 200

    async def test_rules_are_read_once_a_day(self, fetcher: GuardedFetcher, site: Site, now: Now) -> None:
        for _ in range(3):
            await fetcher.fetch(URL, OPEN)
        assert site.asked().count("https://county.test/robots.txt") == 1
        now.value += 24 * 3600
        await fetcher.fetch(URL, OPEN)
        assert site.asked().count("https://county.test/robots.txt") == 2

    async def test_an_old_copy_serves_while_the_host_is_away(
        self, fetcher: GuardedFetcher, site: Site, now: Now
    ) -> None:
        site.robots = httpx.Response(200, text="User-agent: *\nDisallow: /closed\n")
        await fetcher.fetch(URL, OPEN)
        site.robots = httpx.Response(503)
        now.value += 24 * 3600
        await fetcher.fetch(URL, OPEN)
        with pytest.raises(FetchDenied):
            await fetcher.fetch("https://county.test/closed", OPEN)

    async def test_a_closed_host_is_asked_again_soon(
        self, fetcher: GuardedFetcher, site: Site, now: Now
    ) -> None:
        site.robots = httpx.Response(503)
        with pytest.raises(FetchDenied):
            await fetcher.fetch(URL, OPEN)
        site.robots = httpx.Response(404)
        now.value += 61
        assert (await fetcher.fetch(URL, OPEN)).status == 200


class TestTerms:
    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            (FetchSource("x", tos="prohibited", enabled=True), "SOURCE_TOS_PROHIBITED"),
            (FetchSource("x", tos="unknown", enabled=True), "SOURCE_TOS_UNKNOWN"),
            (FetchSource("x", tos="allowed", enabled=False), "SOURCE_DISABLED"),
            (FetchSource("x", tos="allowed", enabled=True, auth_required=True), "AUTH_REQUIRED"),
        ],
    )
    async def test_a_source_that_is_not_open_is_not_fetched(
        self, fetcher: GuardedFetcher, site: Site, source: FetchSource, reason: str
    ) -> None:
        with pytest.raises(FetchDenied) as caught:
            await fetcher.fetch(URL, source)
        assert reason in caught.value.fields["reasons"]
        assert URL not in site.asked()
        assert (site.asked() == []) == source.closed

    async def test_a_page_whose_rules_were_not_asked_for_is_not_fetched_whatever_is_decided(
        self, site: Site
    ) -> None:
        async def yes(facts: FetchFacts) -> FetchVerdict:
            return await decide_fetch(replace(facts, tos="allowed", enabled=True))

        async with httpx.AsyncClient(transport=httpx.MockTransport(site)) as http:
            fetcher = GuardedFetcher(http, yes, user_agent="Ridgeline/0.1 (+x)")
            with pytest.raises(FetchDenied):
                await fetcher.fetch(URL, FetchSource("x", tos="allowed", enabled=False))
        assert site.asked() == []

    @pytest.mark.parametrize(
        "page",
        [
            httpx.Response(401),
            httpx.Response(403),
            httpx.Response(200, html="<form><input name=p type='password'></form>"),
            httpx.Response(200, html="<div class='g-recaptcha'></div>"),
        ],
    )
    async def test_a_wall_is_told_apart(
        self, fetcher: GuardedFetcher, site: Site, page: httpx.Response
    ) -> None:
        site.pages[URL] = page
        with pytest.raises(AuthenticationWall):
            await fetcher.fetch(URL, OPEN)


class TestRedirects:
    async def test_one_on_the_site_is_followed(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.pages[URL] = httpx.Response(302, headers={"location": "/property/2"})
        assert (await fetcher.fetch(URL, OPEN)).url == "https://county.test/property/2"

    async def test_one_to_a_closed_path_is_not(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.robots = httpx.Response(200, text="User-agent: *\nDisallow: /closed\n")
        site.pages[URL] = httpx.Response(302, headers={"location": "/closed"})
        with pytest.raises(FetchDenied):
            await fetcher.fetch(URL, OPEN)

    async def test_one_to_another_host_is_refused(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.pages[URL] = httpx.Response(302, headers={"location": "https://evil.test/"})
        with pytest.raises(ProviderRejected, match="another host"):
            await fetcher.fetch(URL, OPEN)
        assert not any("evil.test" in url for url in site.asked())

    async def test_a_circle_ends(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.pages[URL] = httpx.Response(302, headers={"location": URL})
        with pytest.raises(ProviderBadAnswer, match="too many redirects"):
            await fetcher.fetch(URL, OPEN)

    async def test_only_the_first_hop_is_configured(self, fetcher: GuardedFetcher, site: Site) -> None:
        site.pages[URL] = httpx.Response(302, headers={"location": "/property/2"})
        await fetcher.fetch(URL, OPEN, configured=True)
        flags = [
            r.extensions["ridgeline_configured_first_hop"] for r in site.seen if "robots" not in r.url.path
        ]
        assert flags == [True, False]


class TestPoliteness:
    async def test_the_pace_of_the_source_is_kept(self, fetcher: GuardedFetcher, pacer: Pacer) -> None:
        await fetcher.fetch(URL, FetchSource("county", tos="allowed", enabled=True))
        assert [(key, round(rate, 3)) for key, rate in pacer.waits] == [("fetch:county.test:443", 0.333)]

    async def test_a_slower_crawl_delay_wins(self, fetcher: GuardedFetcher, site: Site, pacer: Pacer) -> None:
        site.robots = httpx.Response(200, text="User-agent: *\nCrawl-delay: 10\n")
        await fetcher.fetch(URL, OPEN)
        assert pacer.waits[0][1] == pytest.approx(0.1)

    async def test_a_host_that_wants_more_than_a_minute_is_skipped(
        self, fetcher: GuardedFetcher, site: Site
    ) -> None:
        site.robots = httpx.Response(200, text="User-agent: *\nCrawl-delay: 61\n")
        with pytest.raises(ProviderRejected, match="longer delay"):
            await fetcher.fetch(URL, OPEN)

    async def test_one_request_at_a_time(self, fetcher: GuardedFetcher, site: Site) -> None:
        await asyncio.gather(*(fetcher.fetch(URL, OPEN) for _ in range(10)))
        assert site.most_running == 1

    @pytest.mark.parametrize("status", [429, 503])
    async def test_a_busy_host_is_left_for_as_long_as_it_says(
        self, fetcher: GuardedFetcher, site: Site, status: int
    ) -> None:
        site.pages[URL] = httpx.Response(status, headers={"retry-after": "120"})
        with pytest.raises(ProviderRateLimited) as caught:
            await fetcher.fetch(URL, OPEN)
        assert caught.value.retry_after == 120


async def test_a_page_over_the_cap_is_refused(fetcher: GuardedFetcher, site: Site) -> None:
    site.pages[URL] = httpx.Response(200, text="x" * 1001)
    with pytest.raises(ProviderBadAnswer, match="1000 bytes"):
        await fetcher.fetch(URL, OPEN)


async def test_a_broken_host_is_unavailable(fetcher: GuardedFetcher, site: Site) -> None:
    site.pages[URL] = httpx.Response(500)
    with pytest.raises(ProviderUnavailable):
        await fetcher.fetch(URL, OPEN)


async def test_not_inside_a_transaction(fetcher: GuardedFetcher, site: Site) -> None:
    async with transaction_marker():
        with pytest.raises(RuntimeError):
            await fetcher.fetch(URL, OPEN)
    assert site.seen == []
