"""When a state lets its people be texted (compliance.md 4 PH-4, 5): open only where every zone and state is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.compliance.policy import Policy, policy_at
from shared.compliance.reasons import Reason

SATURDAY: Final = 5
SUNDAY: Final = 6
_DAYS: Final = ("weekdays",) * 5 + ("sat", "sun")
_LOOK_AHEAD: Final = timedelta(days=10)
_STEP: Final = timedelta(minutes=15)
"""Offsets of zones are multiples of it, so that every window opens on one."""


def closed_because(pairs: Collection[tuple[str, str]], policy: Policy, now: datetime) -> frozenset[Reason]:
    """Why not now, for zones paired with states; nothing where every window is open."""
    return frozenset(reason for zone, state in pairs if (reason := _closed(zone, state, policy, now)))


def opens_at(pairs: Collection[tuple[str, str]], policy: Policy, now: datetime) -> datetime | None:
    """The first quarter of an hour from now on at which every window is open; None where none is near."""
    moment = now if now.timestamp() % _STEP.total_seconds() == 0 else _next_step(now)
    while pairs and moment <= now + _LOOK_AHEAD:
        if not closed_because(pairs, policy, moment):
            return moment
        moment += _STEP
    return None


def closes_at(pairs: Collection[tuple[str, str]], policy: Policy, now: datetime) -> datetime | None:
    """The next quarter of an hour, where a window has closed by then."""
    moment = _next_step(now)
    return moment if closed_because(pairs, policy, moment) else None


def _next_step(now: datetime) -> datetime:
    seconds = _STEP.total_seconds()
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, now.tzinfo)


def _closed(zone: str, state: str, policy: Policy, now: datetime) -> Reason | None:
    rules = policy.texts
    windows: Mapping[str, str] = rules["states"].get(state, rules["default"])
    local = now.astimezone(ZoneInfo(zone))
    holiday = windows.get("holidays") == "closed" and local.date() in holidays(local.year)
    window = windows.get(_DAYS[local.weekday()])
    if window is None or holiday:
        return Reason.QUIET_DAY
    opens, closes = (int(hour) for hour in window.split("-"))
    return None if opens <= local.hour < closes else Reason.QUIET_HOURS


@cache
def holidays(year: int) -> frozenset[date]:
    """Every holiday that closes a state, and the weekday on which one of a weekend is kept."""
    rules = policy_at(datetime.fromisoformat(f"{year}-12-31T00:00:00+00:00")).texts["holidays"]
    named = {date.fromisoformat(f"{year}-{day}") for day in rules["dates"]}
    named |= {_weekday_of(year, *each) for each in rules["weekdays"]}
    named |= {easter(year) + timedelta(days=days) for days in rules["easter"]}
    kept = {day - timedelta(days=1) for day in named if day.weekday() == SATURDAY}
    kept |= {day + timedelta(days=1) for day in named if day.weekday() == SUNDAY}
    return frozenset(named | kept)


def _weekday_of(year: int, month: int, weekday: int, which: int) -> date:
    """The nth such weekday of a month; -1 is the last one."""
    if which < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))


def easter(year: int) -> date:
    """Easter Sunday (the Gregorian computus of Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
