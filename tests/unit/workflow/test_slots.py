"""Slots of scheduled jobs over changes of the clock, and delays between attempts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.errors import (
    BudgetExceeded,
    Conflict,
    PermanentError,
    ProviderRejected,
    ProviderTimeout,
    Retry,
)
from shared.schemas.digest import request_hash
from shared.workflow.runner import backoff_seconds, classify, describe
from shared.workflow.schedule import Slot, daily, delay_of, due_slots, hourly, next_slot, slots, weekly
from shared.workflow.specs import StepSpec, WorkflowSpec

CHICAGO = ZoneInfo("America/Chicago")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(cron: str, after: str, until: str) -> list[str]:
    return [slot.name for slot in slots(cron, CHICAGO, at(after), at(until))]


def test_job_of_a_skipped_hour_runs_once() -> None:
    assert names("30 2 * * *", "2026-03-08T06:00", "2026-03-09T06:00") == ["2026-03-08T02:30"]


def test_job_of_a_doubled_hour_runs_once() -> None:
    assert names("30 1 * * *", "2026-11-01T05:00", "2026-11-02T05:00") == ["2026-11-01T01:30"]


@pytest.mark.parametrize(("day", "runs"), [("2026-03-08", 23), ("2026-11-01", 24), ("2026-06-01", 24)])
def test_hourly_job_has_one_run_an_hour_of_the_wall(day: str, runs: int) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=CHICAGO).astimezone(UTC) - timedelta(seconds=1)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=CHICAGO).astimezone(UTC)
    found = list(slots("0 * * * *", CHICAGO, start, end - timedelta(seconds=1)))
    assert len(found) == runs
    assert len({slot.due_at for slot in found}) == runs


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
@pytest.mark.parametrize("cron", ["0 * * * *", "30 1 * * *", "30 2 * * *", "*/15 * * * *"])
def test_ticking_every_few_seconds_finds_the_same_slots_as_one_look(day: str, cron: str) -> None:
    began = at(f"{day}T04:00")
    end = began + timedelta(hours=8)
    whole = [slot.due_at for slot in slots(cron, CHICAGO, began, end)]
    ticked: list[datetime] = []
    now, last = began, began
    while now < end:
        now += timedelta(minutes=7)
        fresh = [slot.due_at for slot in slots(cron, CHICAGO, last, min(now, end))]
        ticked += fresh
        last = max([last, *fresh])
    assert sorted(whole) == sorted(ticked)


def test_next_slot_is_in_utc() -> None:
    assert next_slot("0 6 * * *", CHICAGO, at("2026-07-01T12:00")) == at("2026-07-02T11:00")


def row(
    now: str,
    last: str | None,
    *,
    misfire: str = "run_once",
    updated: str = "2026-01-01T00:00",
    jitter: int = 0,
) -> Any:
    return SimpleNamespace(
        job="test_job",
        jitter_seconds=jitter,
        cron="0 6 * * *",
        tz="UTC",
        now=at(now),
        last_due_at=at(last) if last else None,
        updated_at=at(updated),
        catch_up_seconds=7200,
        misfire=misfire,
    )


@pytest.mark.parametrize(
    ("now", "last", "misfire", "found"),
    [
        ("2026-07-02T06:00:05", "2026-07-01T06:00", "skip", ["2026-07-02T06:00"]),
        ("2026-07-02T06:00:05", "2026-07-02T06:00", "skip", []),
        ("2026-07-04T12:00", "2026-07-01T06:00", "skip", []),
        ("2026-07-04T12:00", "2026-07-01T06:00", "run_once", ["2026-07-04T06:00"]),
        ("2026-07-04T07:30", "2026-07-01T06:00", "run_once", ["2026-07-04T06:00"]),
    ],
)
def test_missed_slots_follow_the_misfire_rule(now: str, last: str, misfire: str, found: list[str]) -> None:
    assert [slot.name for slot in due_slots(row(now, last, misfire=misfire))] == found


def test_resumed_job_does_not_run_what_its_pause_swallowed() -> None:
    assert due_slots(row("2026-07-04T07:00", "2026-07-01T06:00", updated="2026-07-04T06:30")) == []


def test_job_starts_later_by_its_jitter_and_still_names_its_slot() -> None:
    delay = delay_of("test_job", Slot("2026-07-02T06:00", at("2026-07-02T06:00")), 600)
    assert timedelta(seconds=1) <= delay <= timedelta(seconds=600)
    due = at("2026-07-02T06:00") + delay
    last = "2026-07-01T06:00"
    early = (due - timedelta(seconds=1)).replace(tzinfo=None).isoformat()
    assert due_slots(row(early, last, jitter=600)) == []
    assert [slot.name for slot in due_slots(row(due.replace(tzinfo=None).isoformat(), last, jitter=600))] == [
        "2026-07-02T06:00"
    ]


def test_jitter_differs_from_job_to_job_and_not_from_look_to_look() -> None:
    slot = Slot("2026-07-02T06:00", at("2026-07-02T06:00"))
    delays = {delay_of(f"job_{number}", slot, 600) for number in range(20)}
    assert len(delays) > 10
    assert delays == {delay_of(f"job_{number}", slot, 600) for number in range(20)}
    assert delay_of("job_1", slot, 0) == timedelta(0)


def test_declarations_read_as_cron() -> None:
    assert daily("06:05", "j", "k", "d").cron == "5 6 * * *"
    assert hourly("j", "k", "d", minute=7).cron == "7 * * * *"
    assert weekly("sun", "03:00", "j", "k", "d").cron == "0 3 * * sun"


def test_backoff_grows_with_jitter_and_is_capped() -> None:
    rng = random.Random(1)
    for attempt, cap in ((1, 2), (2, 4), (5, 32), (40, 900)):
        delays = [backoff_seconds(attempt, rng) for _ in range(200)]
        assert 0.2 <= min(delays) < max(delays) <= cap
        assert max(delays) > cap * 0.8


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Retry(9, "later"), (9, False, False)),
        (BudgetExceeded("none", provider="x", scope="s"), (60.0, True, False)),
        (ProviderTimeout("slow", provider="x"), (1.5, False, False)),
        (ProviderRejected("no", provider="x"), (1.5, False, True)),
        (PermanentError("never"), (0.0, False, True)),
        (Conflict("other"), (1.5, False, True)),
        (KeyError("bug"), (1.5, False, False)),
    ],
)
def test_failures_are_classified(error: Exception, expected: tuple[float, bool, bool]) -> None:
    assert classify(error, 1.5) == expected


def test_error_is_described_by_type_and_words() -> None:
    facts = describe(PermanentError("no such roof"))
    assert (facts["type"], facts["detail"]) == ("PermanentError", "no such roof")


def test_request_hash_does_not_depend_on_order() -> None:
    assert request_hash({"a": 1, "b": 2}) == request_hash({"b": 2, "a": 1})
    assert request_hash({"a": 1}) != request_hash({"a": 2})


@pytest.mark.parametrize(
    "steps",
    [
        (StepSpec("a", "s", needs=("b",)), StepSpec("b", "s")),
        (StepSpec("a", "s", needs=("a",)),),
        (StepSpec("a", "s"), StepSpec("a", "s")),
        (StepSpec("a", "s", needs=("nothing",)),),
    ],
)
def test_graph_that_cannot_run_is_refused(steps: tuple[StepSpec, ...]) -> None:
    with pytest.raises(ValueError, match="workflow bad"):
        WorkflowSpec("bad", steps)
