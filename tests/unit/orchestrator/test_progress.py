"""A city's progress in words and rates."""

from __future__ import annotations

from typing import Any

import pytest

from services.orchestrator.domain.progress import (
    ChildCounts,
    StepView,
    eta_seconds,
    rate_per_minute,
    restriction,
    step_sentence,
)


def step(status: str, name: str = "permits", **facts: Any) -> StepView:
    given: dict[str, Any] = {"attempt": 1, "output": {}, "reason": None, **facts}
    return StepView(name, status, started_at=None, finished_at=None, **given)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (step("done", output={"rows": 3, "new_rows": 1}), "reading permits done: rows 3, new rows 1"),
        (step("done", output={"ok": True, "note": "x", "parts": {}}), "reading permits done"),
        (step("done", reason="no source"), "reading permits was skipped: no source"),
        (step("skipped", reason="no source"), "reading permits was skipped: no source"),
        (step("running"), "reading permits under way"),
        (step("waiting", reason="children"), "reading permits under way"),
        (step("ready"), "reading permits about to start"),
        (step("ready", reason="429"), "reading permits will be tried again (attempt 2): 429"),
        (step("dead", reason="404"), "reading permits failed: 404"),
        (step("pending"), "reading permits has not started"),
        (step("done", name="some_new_step"), "some new step done"),
    ],
)
def test_a_step_says_what_it_does(view: StepView, words: str) -> None:
    assert step_sentence(view) == words


@pytest.mark.parametrize(
    ("children", "elapsed", "rate", "eta"),
    [
        (ChildCounts(), 60, None, None),
        (ChildCounts(pending=4, running=1), 60, None, None),
        (ChildCounts(pending=4, done=2), 0, None, None),
        (ChildCounts(pending=4, running=2, done=2, waiting=1), 60, 3.0, 120),
        (ChildCounts(done=1, failed=1, cancelled=1), 60, 3.0, 0),
    ],
)
def test_rate_and_time_left_wait_for_the_first_end(
    children: ChildCounts, elapsed: float, rate: float | None, eta: int | None
) -> None:
    assert rate_per_minute(children, elapsed) == rate
    assert eta_seconds(children, elapsed) == eta


def test_one_that_waits_for_a_person_needs_no_machine() -> None:
    counts = ChildCounts(1, 2, 3, 4, 5, 6)

    assert (counts.total, counts.ended) == (21, 18)


@pytest.mark.parametrize(("state", "restricted"), [("KS", True), ("TX", False), ("", False)])
def test_a_restricting_state_is_said(state: str, restricted: bool) -> None:
    assert (restriction(state) is not None) is restricted
