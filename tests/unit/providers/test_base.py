"""The client that every vendor is called through."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from shared.db.unit_of_work import transaction_marker
from shared.errors import (
    BudgetExceeded,
    ProviderBadAnswer,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.providers.base import ProviderRequest
from shared.providers.breaker import BreakerOpen
from shared.providers.context import calling_for
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict

PRICE = Decimal("0.02")


def paid(**changes: Any) -> ProviderRequest:
    return ProviderRequest(
        **{"endpoint": "/find", "path": "/find", "cost": PRICE, "repeat": Repeat.ONCE, **changes}
    )


def fail_with(error: type[httpx.TransportError]) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("gone", request=request)

    return answer


def script(*answers: httpx.Response | type[httpx.TransportError]) -> Any:
    """Answer in turn; the last answer repeats."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, type):
            raise now("gone", request=request)
        return httpx.Response(now.status_code, headers=now.headers, content=now.content)

    return answer


class TestAnswers:
    async def test_a_good_answer_comes_back_as_json(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"found": True})
        reply = await world.client().call(ProviderRequest(endpoint="/x", path="/x"))
        assert reply.found
        assert reply.answer.json_object() == {"found": True}

    async def test_not_found_is_an_answer_not_an_error(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(404)
        assert not (await world.client().call(ProviderRequest(endpoint="/x"))).found

    @pytest.mark.parametrize("status", [400, 401, 403, 409, 422, 301])
    async def test_a_refusal_is_not_repeated(self, world: Any, status: int) -> None:
        world.answer = lambda _: httpx.Response(status, headers={"location": "https://elsewhere.test/"})
        with pytest.raises(ProviderRejected) as caught:
            await world.client().call(ProviderRequest(endpoint="/x"))
        assert caught.value.fields["status"] == status
        assert len(world.requests) == 1

    async def test_html_where_json_was_promised_is_a_bad_answer(self, world: Any) -> None:
        def judge(answer: Answer) -> Verdict:
            answer.json_object()
            return Verdict(Outcome.OK)

        world.answer = lambda _: httpx.Response(200, html="<html>Gateway</html>")
        with pytest.raises(ProviderBadAnswer, match="JSON was promised"):
            await world.client().call(ProviderRequest(endpoint="/x", judge=judge))
        assert world.usage.rows[0].success is False

    async def test_a_body_over_the_cap_is_a_bad_answer(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(200, content=b"x" * 1001)
        with pytest.raises(ProviderBadAnswer, match="1000 bytes"):
            await world.client(body_cap_bytes=1000).call(ProviderRequest(endpoint="/x"))

    async def test_the_cap_holds_for_what_a_body_expands_to(self, world: Any) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)

        async def pieces() -> AsyncIterator[bytes]:
            yield bomb

        world.answer = lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=pieces())
        with pytest.raises(ProviderBadAnswer, match="1000000 bytes"):
            await world.client(body_cap_bytes=1_000_000).call(ProviderRequest(endpoint="/x"))

    async def test_a_bomb_is_not_unpacked_beyond_the_cap(self, world: Any) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)

        async def pieces() -> AsyncIterator[bytes]:
            yield bomb

        world.answer = lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=pieces())
        tracemalloc.start()
        with pytest.raises(ProviderBadAnswer):
            await world.client(body_cap_bytes=1_000_000).call(ProviderRequest(endpoint="/x"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000_000

    async def test_a_compressed_answer_is_read_to_its_end(self, world: Any) -> None:
        text = b'{"rows": [' + b",".join(b"%d" % n for n in range(50_000)) + b"]}"
        packed = gzip.compress(text)

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(packed), 997):
                yield packed[start : start + 997]

        world.answer = lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=pieces())
        reply = await world.client().call(ProviderRequest(endpoint="/x"))
        assert reply.answer.body == text


class TestRepeats:
    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    async def test_a_harmless_request_is_repeated_on_what_may_pass(self, world: Any, status: int) -> None:
        world.answer = script(httpx.Response(status), httpx.Response(status), httpx.Response(200, json={}))
        await world.client().call(ProviderRequest(endpoint="/x"))
        assert len(world.requests) == 3

    @pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError])
    async def test_a_paid_request_whose_answer_is_lost_is_never_sent_again(
        self, world: Any, failure: type[httpx.TransportError]
    ) -> None:
        world.answer = fail_with(failure)
        with pytest.raises((ProviderTimeout, ProviderUnavailable)) as caught:
            await world.client().call(paid())
        assert len(world.requests) == 1
        assert caught.value.fields["may_have_acted"] is True
        assert [row.reservation_id for row in world.usage.rows] == list(world.purse.open)

    @pytest.mark.parametrize(
        "first", [httpx.ConnectError, httpx.ConnectTimeout, httpx.Response(429), httpx.Response(503)]
    )
    async def test_a_paid_request_is_repeated_where_the_vendor_did_nothing(
        self, world: Any, first: Any
    ) -> None:
        world.answer = script(first, httpx.Response(200, json={}))
        await world.client().call(paid())
        assert len(world.requests) == 2

    async def test_a_paid_request_is_not_repeated_after_500(self, world: Any) -> None:
        world.answer = script(httpx.Response(500))
        with pytest.raises(ProviderUnavailable):
            await world.client().call(paid())
        assert len(world.requests) == 1

    async def test_tries_end(self, world: Any) -> None:
        world.answer = fail_with(httpx.ConnectError)
        with pytest.raises(ProviderUnavailable):
            await world.client(tries=4).call(ProviderRequest(endpoint="/x"))
        assert len(world.requests) == 4

    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            (httpx.ConnectError, "no connection to "),
            (httpx.ConnectTimeout, "no connection to "),
            (httpx.ReadTimeout, "no answer from "),
            (httpx.ReadError, "the connection to "),
        ],
    )
    async def test_a_failure_names_the_host(
        self, world: Any, failure: type[httpx.TransportError], words: str
    ) -> None:
        world.answer = fail_with(failure)
        with pytest.raises((ProviderTimeout, ProviderUnavailable)) as caught:
            await world.client().call(paid())
        assert f"{words}{world.requests[0].url.host}" in caught.value.detail

    async def test_waits_grow_and_are_random_within_their_ceiling(self, world: Any) -> None:
        world.answer = fail_with(httpx.ReadTimeout)
        with pytest.raises(ProviderTimeout):
            await world.client(tries=6, backoff_seconds=1.0, longest_backoff_seconds=4.0).call(
                ProviderRequest(endpoint="/x")
            )
        assert len(world.clock.slept) == 5
        assert all(0 <= s <= c for s, c in zip(world.clock.slept, (1, 2, 4, 4, 4), strict=True))
        assert len(set(world.clock.slept)) == 5

    @pytest.mark.timeout(30)
    async def test_an_answer_that_drips_for_ever_ends_with_the_timeout(self, world: Any) -> None:
        async def drip() -> AsyncIterator[bytes]:
            while True:
                yield b"."
                await asyncio.sleep(0.01)

        world.answer = lambda _: httpx.Response(200, content=drip())
        with pytest.raises(ProviderTimeout):
            await world.client(tries=1, timeout_seconds=0.2).call(ProviderRequest(endpoint="/x"))


class TestVendorsWaits:
    @pytest.mark.parametrize(
        "headers",
        [
            {"retry-after": "3"},
            {"retry-after-ms": "3000"},
            {"retry-after": "{epoch}"},
            {"retry-after": "{milliseconds}"},
            {"retry-after": "{date}"},
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "{epoch}"},
            {"ratelimit-remaining": "0", "ratelimit-reset": "3"},
        ],
    )
    async def test_the_wait_is_kept_in_every_unit(self, world: Any, headers: dict[str, str]) -> None:
        due = time.time() + 3
        forms = {
            "epoch": f"{due:.3f}",
            "milliseconds": f"{due * 1000:.0f}",
            "date": format_datetime(datetime.fromtimestamp(due + 0.9, UTC), usegmt=True),
        }
        filled = {name: value.format(**forms) for name, value in headers.items()}
        world.answer = script(httpx.Response(429, headers=filled), httpx.Response(200, json={}))
        started = world.clock.now
        await world.client().call(ProviderRequest(endpoint="/x"))
        assert 2.0 <= world.clock.now - started <= 5.5

    async def test_a_long_wait_is_the_callers(self, world: Any) -> None:
        world.answer = script(httpx.Response(429, headers={"retry-after": "600"}))
        with pytest.raises(ProviderRateLimited) as caught:
            await world.client().call(ProviderRequest(endpoint="/x"))
        assert caught.value.retry_after == 600
        assert len(world.requests) == 1

    async def test_everybody_else_waits_too(self, world: Any) -> None:
        world.answer = script(httpx.Response(429, headers={"retry-after": "600"}))
        client = world.client()
        for _ in range(2):
            with pytest.raises(ProviderRateLimited):
                await client.call(ProviderRequest(endpoint="/x"))
        assert len(world.requests) == 1

    async def test_little_left_of_an_allowance_slows_down(self, world: Any) -> None:
        headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "10", "x-ratelimit-reset": "60"}
        world.answer = lambda _: httpx.Response(200, json={}, headers=headers)
        client = world.client(requests_per_second=100, burst=1)
        started = world.clock.now
        for _ in range(4):
            await client.call(ProviderRequest(endpoint="/x"))
        assert world.clock.now - started > 10


class TestMoney:
    async def test_a_billable_answer_is_settled_and_counted(self, world: Any) -> None:
        lead = uuid4()
        before = REGISTRY.get_sample_value("provider_cost_usd_total", {"provider": "vendor"}) or 0
        with calling_for("base_lead", lead, caps={"city:x": Decimal(1)}):
            await world.client().call(paid())
        after = REGISTRY.get_sample_value("provider_cost_usd_total", {"provider": "vendor"})
        assert world.purse.settled == [PRICE]
        assert world.usage.rows[0].cost == PRICE
        assert world.usage.rows[0].entity_id == lead
        assert "city:x" in world.purse.scopes
        assert any(scope.startswith("provider:vendor:") for scope in world.purse.scopes)
        assert after == pytest.approx(before + 0.02)

    async def test_nothing_found_costs_nothing(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(404)
        await world.client().call(paid())
        assert world.purse.settled == [0]
        assert not world.purse.open

    async def test_a_refusal_gives_the_money_back(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(422)
        with pytest.raises(ProviderRejected):
            await world.client().call(paid())
        assert world.purse.released == [PRICE]

    async def test_a_lost_answer_keeps_the_money_aside(self, world: Any) -> None:
        world.answer = fail_with(httpx.ReadTimeout)
        with pytest.raises(ProviderTimeout):
            await world.client().call(paid())
        assert list(world.purse.open.values()) == [PRICE]

    async def test_no_money_no_call(self, world: Any) -> None:
        world.purse.cap = Decimal("0.01")
        with pytest.raises(BudgetExceeded):
            await world.client().call(paid())
        assert world.requests == []

    async def test_a_free_call_reserves_nothing(self, world: Any) -> None:
        await world.client().call(ProviderRequest(endpoint="/x"))
        assert not world.purse.settled


class TestBreaker:
    async def test_a_dead_vendor_is_left_alone_after_twenty_failures(self, world: Any) -> None:
        world.answer = fail_with(httpx.ConnectError)
        client = world.client(tries=1)
        for _ in range(20):
            with pytest.raises(ProviderUnavailable):
                await client.call(ProviderRequest(endpoint="/x"))
        with pytest.raises(BreakerOpen) as caught:
            await client.call(ProviderRequest(endpoint="/x"))
        assert len(world.requests) == 20
        assert caught.value.retry_after == pytest.approx(30)

    async def test_another_vendor_goes_on(self, world: Any) -> None:
        world.answer = fail_with(httpx.ConnectError)
        for _ in range(20):
            with pytest.raises(ProviderUnavailable):
                await world.client("first", tries=1).call(ProviderRequest(endpoint="/x"))
        world.answer = lambda _: httpx.Response(200, json={})
        assert (await world.client("second").call(ProviderRequest(endpoint="/x"))).found

    async def test_a_storm_of_429_does_not_open_it(self, world: Any) -> None:
        world.answer = lambda _: httpx.Response(429, headers={"retry-after": "1"})
        client = world.client(tries=1)
        for _ in range(25):
            with pytest.raises(ProviderRateLimited):
                await client.call(ProviderRequest(endpoint="/x"))
        world.clock.now += 100
        world.answer = lambda _: httpx.Response(200, json={})
        assert (await client.call(ProviderRequest(endpoint="/x"))).found


class TestSafety:
    async def test_a_call_inside_a_transaction_is_refused(self, world: Any) -> None:
        async with transaction_marker():
            with pytest.raises(RuntimeError, match="inside a database transaction"):
                await world.client().call(ProviderRequest(endpoint="/x"))
        assert world.requests == []

    async def test_secrets_never_reach_the_cost_rows(self, world: Any) -> None:
        params = [("api_key", "s3cret"), ("email", "a@b.co"), ("$$app_token", "s3cret"), ("limit", "5")]
        await world.client().call(ProviderRequest(endpoint="/x", params=params))
        row = world.usage.rows[0]
        assert "s3cret" not in repr(row)
        assert "a@b.co" not in repr(row)
        assert row.params["limit"] == "5"

    async def test_our_keys_stay_with_the_vendor(self, world: Any) -> None:
        client = world.client(headers={"authorization": "Bearer s3cret"})
        await client.call(ProviderRequest(endpoint="/x", path="/x"))
        await client.call(ProviderRequest(endpoint="/x", path="https://blob.test/asset", configured=False))
        assert world.requests[0].headers["authorization"] == "Bearer s3cret"
        assert "authorization" not in world.requests[1].headers

    async def test_the_trace_goes_along_and_the_correlation_id_does_not(self, world: Any) -> None:
        await world.client().call(ProviderRequest(endpoint="/x"))
        assert world.requests[0].headers["traceparent"].startswith("00-")
        assert "x-correlation-id" not in world.requests[0].headers

    async def test_outcomes_are_counted_by_vendor(self, world: Any) -> None:
        labels = {"provider": "counted", "outcome": "not_found"}
        world.answer = lambda _: httpx.Response(404)
        await world.client("counted").call(ProviderRequest(endpoint="/x"))
        assert REGISTRY.get_sample_value("provider_requests_total", labels) == 1
