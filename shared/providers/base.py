"""The client every vendor is called through.

One call: no open transaction -> source admitted -> money reserved -> breaker -> rate limit -> request under a timeout
and a byte cap -> verdict of the adapter -> cost row and metrics -> repeat with full jitter where safe -> money settled.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

import httpx

from shared.errors import ProviderBadAnswer, ProviderError, ProviderRateLimited, ProviderTimeout
from shared.http.answers import (
    moment_seconds,
    read_capped,
    refuse_inside_transaction,
    retry_after_seconds,
    save_capped,
    vendor_failures,
)
from shared.http.ssrf import CONFIGURED_EXTENSION, Origin
from shared.providers.breaker import BreakerOpen, Breakers
from shared.providers.context import current_purpose
from shared.providers.limiter import SLOW_DOWN_SHARE, RateLimiter
from shared.providers.metrics import COST, REQUESTS, SECONDS
from shared.providers.outcomes import (
    Answer,
    Outcome,
    Repeat,
    Reply,
    Verdict,
    billed_of,
    error_of,
    judge_by_status,
)
from shared.providers.page_reading import PageReader
from shared.providers.ports import BudgetPort, FetchGate, UsageLog, UsageRow
from shared.providers.redaction import redact
from shared.telemetry.context import current_trace
from shared.workflow.budget import Reservation

Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How one vendor account is called."""

    base_url: str
    account: str = "default"
    requests_per_second: float = 5.0
    burst: float = 5.0
    timeout_seconds: float = 15.0
    tries: int = 3
    backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 8.0
    patience_seconds: float = 10.0
    """Longest wait inside a call, for our bucket or a Retry-After; the caller schedules longer ones."""
    slow_down_share: float = SLOW_DOWN_SHARE
    """Below this share of the vendor's allowance what is left is spread over the time to its reset."""
    body_cap_bytes: int = 25_000_000
    headers: Mapping[str, str] = field(default_factory=dict)
    daily_cap: Decimal = Decimal(25)
    """US dollars this account may spend in a day (UTC)."""
    free_calls_a_month: int = 0
    """Billable answers the plan gives away; with any, the account is a free one: no call costs, none goes beyond."""
    guarded: bool = False
    """True where the base URL comes from data: every address is tested."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request; `endpoint` names it in metrics and cost rows, without ids."""

    endpoint: str
    method: str = "GET"
    path: str = ""
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    """A body that is neither JSON nor a form."""
    form: Form | None = None
    data: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None
    repeat: Repeat = Repeat.HARMLESS
    cost: Decimal = Decimal(0)
    reservation_id: UUID | None = None
    """The money set aside for this call; the client fills it in, for the cost row."""
    judge: Callable[[Answer], Verdict] = judge_by_status
    timeout_seconds: float | None = None
    configured: bool = True
    """False where the URL itself was found in data."""
    into: BinaryIO | None = None
    """Where a large body goes; the answer then holds its head only."""
    body_cap_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderDeps:
    """What all vendors share; tests pass their own."""

    http: httpx.AsyncClient
    guarded_http: httpx.AsyncClient
    limiter: RateLimiter
    breakers: Breakers
    budget: BudgetPort
    usage: UsageLog
    gate: FetchGate
    user_agent: str
    pages: PageReader = field(default_factory=PageReader)
    rng: random.Random = field(default_factory=random.Random)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic


class ProviderClient:
    """Calls one vendor account and raises the ProviderError tree, never httpx's.

    `source` is the registry key of what is read there; nothing is asked of a source that may not be read.
    """

    def __init__(
        self, name: str, settings: ClientSettings, deps: ProviderDeps, *, source: str | None = None
    ) -> None:
        self.name = name
        self.source = source
        self.settings = settings
        self._deps = deps
        self._breaker = deps.breakers.of(name, settings.account)
        self._bucket = f"{name}:{settings.account}"

    async def call(self, request: ProviderRequest) -> Reply:
        """The vendor's usable answer (found or not found).

        Any other answer is raised as ProviderTimeout, ProviderUnavailable, ProviderRateLimited,
        ProviderRejected, ProviderBadAnswer or BudgetExceeded; `fields["may_have_acted"]` tells whether the
        request can have taken effect all the same.
        """
        return await self._spending(request, self._try_until_usable)

    async def lend(self, request: ProviderRequest) -> None:
        """Book the call that a browser makes with an address of ours; nothing is sent. Raises as `call` does."""
        refuse_inside_transaction()
        if self.source is not None:
            await self._deps.gate.admit(self.source)
        reservation = await self._reserve(request)
        free = self.settings.free_calls_a_month
        if reservation is not None:
            request = replace(request, reservation_id=reservation.id)
            await self._deps.budget.settle(reservation, Decimal(1) if free else request.cost)
        self._note(request, "lent", 0.0, cost=Decimal(0) if free else request.cost)

    async def call_task(
        self, start: ProviderRequest, look: Callable[[Reply], ProviderRequest], *, seconds: float, looks: int
    ) -> Reply:
        """The answer of work that the vendor does in the background; raises as `call` does.

        `look` makes the question for the result out of the first reply; while its verdict is pending it is asked
        again every `seconds`, `looks` times at most. One reservation lasts from the start to the last look.
        """

        async def work(request: ProviderRequest) -> Reply:
            started = await self._try_until_usable(request)
            question = replace(look(started), cost=request.cost, reservation_id=request.reservation_id)
            for _ in range(looks):
                await self._deps.sleep(seconds)
                reply = await self._try_until_usable(question)
                if not reply.verdict.pending:
                    return reply
            raise ProviderTimeout("the task is not done yet", provider=self.name, may_have_acted=True)

        return await self._spending(start, work)

    async def _spending(
        self, request: ProviderRequest, work: Callable[[ProviderRequest], Awaitable[Reply]]
    ) -> Reply:
        """The reply of `work` with its money set aside before and booked after."""
        refuse_inside_transaction()
        if self.source is not None:
            await self._deps.gate.admit(self.source)
        reservation = await self._reserve(request)
        if reservation is not None:
            request = replace(request, reservation_id=reservation.id)
        if self.settings.free_calls_a_month:
            request = replace(request, cost=Decimal(0))
        try:
            reply = await work(request)
        except ProviderError as error:
            if reservation is not None:
                await self._close(reservation, error)
            raise
        if reservation is not None:
            counted = Decimal(reply.verdict.billable) if self.settings.free_calls_a_month else reply.cost
            await self._deps.budget.settle(reservation, counted)
        return reply

    async def _reserve(self, request: ProviderRequest) -> Reservation | None:
        if not request.cost:
            return None
        if free := self.settings.free_calls_a_month:
            month = f"free:{self.name}:{self.settings.account}:{datetime.now(UTC):%Y-%m}"
            return await self._deps.budget.reserve({month: Decimal(free)}, Decimal(1), provider=self.name)
        scope = f"provider:{self.name}:{datetime.now(UTC).date()}"
        caps = {scope: self.settings.daily_cap, **current_purpose().caps}
        return await self._deps.budget.reserve(caps, request.cost, provider=self.name)

    async def _close(self, reservation: Reservation, error: ProviderError) -> None:
        """Settle what a bad answer was billed; what may have been billed stays and is reconciled as unknown."""
        billed = billed_of(error)
        if billed:
            await self._deps.budget.settle(reservation, billed)
        elif not error.fields.get("may_have_acted"):
            await self._deps.budget.release(reservation)

    async def _try_until_usable(self, request: ProviderRequest) -> Reply:
        for attempt in range(1, self.settings.tries + 1):
            try:
                return await self._try_once(request)
            except ProviderError as error:
                wait = self._wait_before_repeat(request, error, attempt)
                if wait is None:
                    raise
                await self._deps.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _wait_before_repeat(
        self, request: ProviderRequest, error: ProviderError, attempt: int
    ) -> float | None:
        """Seconds until the next try; None where this request is not tried again here."""
        if not error.retryable or attempt >= self.settings.tries or isinstance(error, BreakerOpen):
            return None
        if request.repeat is Repeat.ONCE and error.fields.get("may_have_acted"):
            return None
        ceiling = self.settings.backoff_seconds * 2 ** (attempt - 1)
        ceiling = min(ceiling, self.settings.longest_backoff_seconds)
        asked = error.fields.get("retry_after")
        if asked is None:
            return self._deps.rng.uniform(0, ceiling)
        if asked > self.settings.patience_seconds:
            return None
        return float(asked) + self._deps.rng.uniform(0, ceiling)

    async def _try_once(self, request: ProviderRequest) -> Reply:
        trial = self._breaker.admit()
        failed: bool | None = None
        try:
            await self._deps.limiter.acquire(
                self._bucket,
                self.settings.requests_per_second,
                burst=self.settings.burst,
                patience=self.settings.patience_seconds,
            )
            answer, verdict = await self._measured(request)
            failed = answer.status >= 500
        except ProviderRateLimited:
            raise
        except ProviderError as error:
            failed = error.retryable
            raise
        finally:
            if failed is None:
                self._breaker.forget(trial=trial)
            else:
                self._breaker.record(failed=failed, trial=trial)
        await self._learn_limits(answer, verdict)
        if not verdict.outcome.usable():
            raise error_of(answer, self._with_wait(answer, verdict), billed=_cost(request, verdict))
        return Reply(answer, verdict, _cost(request, verdict))

    async def _measured(self, request: ProviderRequest) -> tuple[Answer, Verdict]:
        started = self._deps.clock()
        try:
            answer = await self._send(request)
        except ProviderError as error:
            self._note(request, error.code, self._deps.clock() - started, error=error.detail)
            raise
        try:
            verdict = request.judge(answer)
        except ProviderBadAnswer as error:
            verdict = Verdict(Outcome.BAD_ANSWER, message=error.detail)
        cost = _cost(request, verdict)
        error_text = None if verdict.outcome.usable() else verdict.message
        self._note(
            request, verdict.outcome.value, answer.seconds, status=answer.status, cost=cost, error=error_text
        )
        return answer, verdict

    async def _send(self, request: ProviderRequest) -> Answer:
        seconds = request.timeout_seconds or self.settings.timeout_seconds
        started = self._deps.clock()
        with vendor_failures(self.name):
            # httpx's timeouts are per read; the outer one also ends an answer that drips for ever.
            async with asyncio.timeout(seconds):
                http = self._deps.http
                if self.settings.guarded or not request.configured:
                    http = self._deps.guarded_http
                built = self._build(http, request, seconds)
                response = await http.send(built, stream=True, follow_redirects=False)
                try:
                    body = await self._body(request, response)
                finally:
                    await response.aclose()
        return Answer(
            provider=self.name,
            status=response.status_code,
            headers=response.headers,
            body=body,
            seconds=self._deps.clock() - started,
            url=str(response.url.copy_with(query=None)),
        )

    async def _body(self, request: ProviderRequest, response: httpx.Response) -> bytes:
        cap = request.body_cap_bytes or self.settings.body_cap_bytes
        if request.into is None:
            return await read_capped(response, cap, provider=self.name)
        return await save_capped(response, request.into, cap, provider=self.name)

    def _build(self, http: httpx.AsyncClient, request: ProviderRequest, seconds: float) -> httpx.Request:
        url = self._url(request.path)
        headers = {"user-agent": self._deps.user_agent, "accept-encoding": "gzip"}
        headers["traceparent"] = current_trace().child().traceparent
        if Origin.of(url) == Origin.of(self.settings.base_url):
            headers.update(self.settings.headers)  # our keys are for the vendor, not for hosts it points at
        headers.update(request.headers)
        content = request.content
        if request.form is not None:
            content = str(httpx.QueryParams(list(request.form))).encode("ascii")
            headers["content-type"] = "application/x-www-form-urlencoded"
        return http.build_request(
            request.method,
            url,
            params=list(request.params) or None,
            headers=headers,
            json=request.json,
            content=content,
            data=dict(request.data) if request.data is not None else None,
            files=dict(request.files) if request.files is not None else None,
            timeout=seconds,
            extensions={CONFIGURED_EXTENSION: request.configured},
        )

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        base = self.settings.base_url.rstrip("/")
        return f"{base}/{path.lstrip('/')}" if path else base

    async def _learn_limits(self, answer: Answer, verdict: Verdict) -> None:
        """Tell the bucket what the vendor's headers say about its own limit."""
        status = verdict.status or answer.status
        if status in (429, 503) or verdict.wait_seconds is not None:
            wait = self._with_wait(answer, verdict).wait_seconds
            pause = wait or self._deps.rng.uniform(0.5, 2.0)
            await self._deps.limiter.pause(self._bucket, pause, rate=self.settings.requests_per_second)
            return
        numbers = {
            name: answer.headers.get(f"x-ratelimit-{name}") or answer.headers.get(f"ratelimit-{name}")
            for name in ("remaining", "limit", "reset")
        }
        remaining, limit = (_number(numbers[name]) for name in ("remaining", "limit"))
        reset = moment_seconds(numbers["reset"]) if numbers["reset"] else None
        if remaining is not None and limit is not None and reset is not None:
            await self._deps.limiter.observe(
                self._bucket,
                remaining=remaining,
                limit=limit,
                reset_seconds=reset,
                share=self.settings.slow_down_share,
            )

    def _with_wait(self, answer: Answer, verdict: Verdict) -> Verdict:
        wait = verdict.wait_seconds
        if wait is None:
            wait = retry_after_seconds(answer.headers)
        return replace(verdict, wait_seconds=wait)

    def _note(
        self,
        request: ProviderRequest,
        outcome: str,
        seconds: float,
        *,
        status: int | None = None,
        cost: Decimal = Decimal(0),
        error: str | None = None,
    ) -> None:
        """Metrics and the cost row of one request."""
        REQUESTS.labels(self.name, outcome).inc()
        SECONDS.labels(self.name).observe(seconds)
        if cost:
            COST.labels(self.name).inc(float(cost))
        purpose = current_purpose()
        self._deps.usage.record(
            UsageRow(
                provider=self.name,
                endpoint=request.endpoint,
                method=request.method,
                params=redact([*request.params, *(request.form or ())]),
                status=status,
                seconds=seconds,
                cost=cost,
                success=error is None,
                at=datetime.now(UTC),
                error=error,
                entity_type=purpose.entity_type,
                entity_id=purpose.entity_id,
                reservation_id=request.reservation_id,
            )
        )


def _cost(request: ProviderRequest, verdict: Verdict) -> Decimal:
    return request.cost if verdict.billable else Decimal(0)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
