"""The circuit breaker of CONSISTENCY 7: half of at least 20 calls in 60 s, 30 s open, one trial."""

from __future__ import annotations

from typing import Any

import pytest

from shared.providers.breaker import Breaker, BreakerOpen, BreakerState


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def state_of(breaker: Breaker) -> BreakerState:
    return breaker.state


def call(breaker: Breaker, *, failed: bool) -> None:
    breaker.record(failed=failed, trial=breaker.admit())


def opened() -> tuple[Breaker, Time]:
    clock = Time()
    breaker = Breaker("vendor", clock=clock)
    for _ in range(20):
        call(breaker, failed=True)
    return breaker, clock


def test_nineteen_failures_are_too_few() -> None:
    breaker = Breaker("vendor", clock=Time())
    for _ in range(19):
        call(breaker, failed=True)
    assert state_of(breaker) is BreakerState.CLOSED


@pytest.mark.parametrize(("failures", "state"), [(9, BreakerState.CLOSED), (10, BreakerState.OPEN)])
def test_half_of_twenty_opens(failures: int, state: BreakerState) -> None:
    breaker = Breaker("vendor", clock=Time())
    for number in range(20):
        call(breaker, failed=number >= 20 - failures)
    assert state_of(breaker) is state


def test_old_failures_are_forgotten() -> None:
    clock = Time()
    breaker = Breaker("vendor", clock=clock)
    for _ in range(19):
        call(breaker, failed=True)
    clock.now += 60
    call(breaker, failed=True)
    assert state_of(breaker) is BreakerState.CLOSED


def test_it_refuses_for_thirty_seconds_then_lets_one_try() -> None:
    breaker, clock = opened()
    clock.now += 29.9
    with pytest.raises(BreakerOpen):
        breaker.admit()
    clock.now += 0.1
    assert breaker.admit() is True
    with pytest.raises(BreakerOpen):
        breaker.admit()


def test_a_good_trial_closes_it() -> None:
    breaker, clock = opened()
    clock.now += 30
    call(breaker, failed=False)
    assert state_of(breaker) is BreakerState.CLOSED


def test_a_failed_trial_opens_it_again() -> None:
    breaker, clock = opened()
    clock.now += 30
    call(breaker, failed=True)
    assert state_of(breaker) is BreakerState.OPEN
    clock.now += 30
    assert state_of(breaker) is BreakerState.HALF_OPEN


def test_a_cancelled_trial_leaves_room_for_another() -> None:
    breaker, clock = opened()
    clock.now += 30
    breaker.forget(trial=breaker.admit())
    assert breaker.admit() is True


def test_a_late_answer_from_before_does_not_end_the_trial() -> None:
    clock = Time()
    breaker = Breaker("vendor", clock=clock)
    straggler = breaker.admit()
    for _ in range(20):
        call(breaker, failed=True)
    clock.now += 30
    trial: Any = breaker.admit()
    breaker.record(failed=False, trial=straggler)
    assert state_of(breaker) is BreakerState.HALF_OPEN
    breaker.record(failed=True, trial=trial)
    assert state_of(breaker) is BreakerState.OPEN
