"""A circuit breaker: a vendor that fails half of its calls is left alone for a while."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar

from shared.errors import ProviderUnavailable
from shared.providers.metrics import BREAKER_STATE

WINDOW_SECONDS = 60.0
MIN_CALLS = 20
FAILURE_SHARE = 0.5
OPEN_SECONDS = 30.0
"""CONSISTENCY 7: half of at least 20 calls within 60 s opens for 30 s, then one call tries."""


class BreakerState(IntEnum):
    """Values of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class BreakerOpen(ProviderUnavailable):
    """The vendor was not called; ask again after `retry_after` seconds. No attempt is consumed."""

    code: ClassVar[str] = "provider-breaker-open"
    consumes_attempt: ClassVar[bool] = False

    def __init__(self, provider: str, retry_after: float) -> None:
        super().__init__(
            "the vendor failed too often and is left alone",
            provider=provider,
            retry_after=retry_after,
            may_have_acted=False,
        )
        self.retry_after = retry_after


class Breaker:
    """State of one vendor inside this process."""

    def __init__(self, provider: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._calls: deque[tuple[float, bool]] = deque()
        self._opened_at: float | None = None
        self._trial_running = False

    @property
    def state(self) -> BreakerState:
        """Closed, open, or half open once the pause is over."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        over = self._clock() - self._opened_at >= OPEN_SECONDS
        return BreakerState.HALF_OPEN if over else BreakerState.OPEN

    def admit(self) -> bool:
        """Let a call pass (True: it is the one trial) or raise BreakerOpen; then `record` or `forget` it."""
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._trial_running):
            opened_at = self._opened_at or 0.0
            raise BreakerOpen(self._provider, max(1.0, opened_at + OPEN_SECONDS - self._clock()))
        self._trial_running = state is BreakerState.HALF_OPEN
        if self._trial_running:
            self._show()
        return self._trial_running

    def record(self, *, failed: bool, trial: bool) -> None:
        """Count an admitted call that ended; the trial alone decides about an open breaker."""
        if trial:
            self._end_trial(failed=failed)
        elif self._opened_at is None:
            self._count(failed=failed)

    def forget(self, *, trial: bool) -> None:
        """An admitted call ended without a word of the vendor (cancelled): it counts for nothing."""
        if trial:
            self._trial_running = False

    def _count(self, *, failed: bool) -> None:
        now = self._clock()
        self._calls.append((now, failed))
        while self._calls and self._calls[0][0] <= now - WINDOW_SECONDS:
            self._calls.popleft()
        failures = sum(1 for _, was_failure in self._calls if was_failure)
        if len(self._calls) >= MIN_CALLS and failures >= FAILURE_SHARE * len(self._calls):
            self._open()

    def _end_trial(self, *, failed: bool) -> None:
        self._trial_running = False
        if failed:
            self._open()
        else:
            self._opened_at = None
            self._show()

    def _open(self) -> None:
        self._opened_at = self._clock()
        self._calls.clear()
        self._show()

    def _show(self) -> None:
        BREAKER_STATE.labels(self._provider).set(self.state)


class Breakers:
    """The breakers of a process, one a vendor account."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}

    def of(self, provider: str, account: str) -> Breaker:
        """The breaker of a vendor account, made on first use."""
        key = f"{provider}:{account}"
        if key not in self._breakers:
            self._breakers[key] = Breaker(provider, clock=self._clock)
        return self._breakers[key]
