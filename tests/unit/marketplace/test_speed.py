"""How fast a buyer was, to the minute, and what a notice says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.marketplace.domain.guarantee import TELL_DAYS
from services.marketplace.domain.notices import KINDS, notice
from services.marketplace.domain.speed import NUDGED_DAYS, NUDGES, SpeedState, speed

SOLD = datetime(2026, 11, 1, 12, tzinfo=UTC)
LOOKED = SOLD + timedelta(minutes=30)
NOW = SOLD + timedelta(hours=5)


@pytest.mark.parametrize(
    ("changes", "state", "minutes"),
    [
        ({"revealed_at": None}, SpeedState.UNSEEN, None),
        ({}, SpeedState.WAITING, 270),
        ({"revealed_at": NOW}, SpeedState.WAITING, 0),
        ({"revealed_at": NOW + timedelta(seconds=5)}, SpeedState.WAITING, 0),
        ({"first_try_at": LOOKED + timedelta(seconds=119), "reported": True}, SpeedState.TRIED, 1),
        ({"first_try_at": LOOKED, "reported": True}, SpeedState.TRIED, 0),
        ({"first_try_at": LOOKED - timedelta(minutes=10), "reported": True}, SpeedState.TRIED, 20),
        ({"first_try_at": SOLD + timedelta(minutes=7), "revealed_at": None}, SpeedState.TRIED, 7),
        ({"first_try_at": LOOKED, "reported": True, "kept": False}, SpeedState.TRIED, 0),
        ({"reported": True}, SpeedState.CLOSED, None),
        ({"kept": False}, SpeedState.CLOSED, None),
    ],
)
def test_a_lead_waits_from_the_first_look_to_the_first_try(
    changes: dict[str, Any], state: SpeedState, minutes: int | None
) -> None:
    facts = {"kept": True, "reported": False, "sold_at": SOLD, "revealed_at": LOOKED, "first_try_at": None}
    found = speed(**{**facts, **changes}, now=NOW)
    assert (found.state, found.minutes) == (state, minutes)


def test_reminders_grow_in_delay_and_end_with_the_guarantees_time() -> None:
    delays = [each.after for each in NUDGES]
    assert delays == sorted(set(delays))
    assert len({each.kind for each in NUDGES}) == len(NUDGES)
    assert delays[-1] < timedelta(days=NUDGED_DAYS) == timedelta(days=TELL_DAYS)


def row(kind: str, **changes: Any) -> dict[str, Any]:
    found = {"id": uuid4(), "kind": kind, "reason": None, "sale_id": None, "created_at": NOW, "read_at": None}
    return {**found, "city": None, "state": None, **changes}


def test_a_notice_leads_to_its_lead() -> None:
    sale = uuid4()
    told = notice(row("untouched_1h", sale_id=sale, city="Harrow", state="TX"))
    assert (told.link, told.place) == (f"/my/leads/{sale}", "Harrow, TX")
    assert told.words == KINDS["untouched_1h"].words


def test_a_notice_says_the_reason_it_was_left_with_even_where_its_kind_is_new() -> None:
    lapsed = notice(row("credentials_lapsed", reason="Your insurance has run out."))
    assert (lapsed.link, lapsed.words) == ("/my/checks", "Your insurance has run out.")
    other = notice(row("plan_renewed", reason="Your plan goes on."))
    assert (other.title, other.words, other.link) == ("Plan renewed", "Your plan goes on.", None)
