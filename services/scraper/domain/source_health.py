"""How a source is doing: a reading held against those before it, and the light that an operator sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from shared.schemas.enums import ReadingKind, ReadingStatus, SourceLight

HISTORY_RUNS = 8
ENOUGH_RUNS = 3
"""Fewer good readings predict nothing."""
PREDICTED_ROWS = 5.0
"""A source that brings fewer rows a reading may bring none (Poisson: none of five is one reading in 150)."""
FAR_BELOW = 0.2
MOST_REJECTED = 0.5
ENOUGH_ROWS = 20
WEEK_DAYS = 7
"""Of Chicago's 7,473 permits of two months 145 were issued on a weekend: a window shorter than a week is compared
with windows that began on the same weekday, a longer one with all of them by its length."""
CHANCE = 1e-6
"""A column that every row before had is missing for good when chance leaves it out no oftener than this."""
KNOWN_ROWS = 5
ZERO_IS_NATURAL = frozenset({ReadingKind.STORMS, ReadingKind.ASSESSOR})
"""A week without hail, and a day on which no house was looked up, are nobody's fault."""
DAILY = frozenset({ReadingKind.PERMITS, ReadingKind.STORMS})
"""Read every night; parcels are read with an activation, an assessor when a house asks."""
LATE_AFTER = timedelta(days=2)
LOST_AFTER = timedelta(days=7)
STUCK_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A row that was there: what it is called, the day it carries and the print of its values."""

    name: str
    print: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One reading of a source as it is kept. `columns` says in how many of its rows each column was there."""

    source: str
    kind: ReadingKind
    status: ReadingStatus
    started_at: datetime
    window_days: int | None = None
    rows: int = 0
    rejected: int = 0
    newest_on: date | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    known: tuple[KnownRow, ...] = ()
    light: SourceLight | None = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ended_at: datetime | None = None

    @property
    def good(self) -> bool:
        """True when it came to its end."""
        return self.status is ReadingStatus.GOOD


@dataclass(frozen=True, slots=True)
class Finding:
    """A light with every reason for it; notes are worth knowing and no reason."""

    light: SourceLight
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def expected_rows(history: Sequence[Run], window_days: int | None, day: date) -> float | None:
    """The rows that a reading of so many days should bring: the median of the last good ones; None where too few are known.

    A window of None is the whole source.
    """
    like = [run for run in history if run.good and (run.window_days is None) == (window_days is None)]
    if window_days is None:
        counts = [float(run.rows) for run in like]
    elif window_days < WEEK_DAYS:
        counts = [
            float(run.rows)
            for run in like
            if run.window_days == window_days and run.started_at.weekday() == day.weekday()
        ]
    else:
        counts = [
            run.rows * window_days / run.window_days
            for run in like
            if run.window_days is not None and run.window_days >= WEEK_DAYS
        ]
    return median(counts[:HISTORY_RUNS]) if len(counts) >= ENOUGH_RUNS else None


def unexpected_zero(expected: float | None, sampled: int) -> str | None:
    """Why a reading without a row is a failure, or None where it may be; `sampled` rows should have been among them."""
    if expected is not None and expected >= PREDICTED_ROWS:
        return f"no row came where the readings before predict {expected:.0f}"
    if sampled:
        return f"no row came, though the source check saw {sampled} before the reading"
    return None


def lost_columns(
    read: Collection[str], before: Mapping[str, int], rows_before: int, seen: Mapping[str, int], rows: int
) -> list[str]:
    """The columns of `read` that were there before and that chance alone cannot have left out of so many rows.

    A feed that writes no empty cells drops a column from some rows; one that every row had is missed after a few.
    """
    return [
        name
        for name in sorted(read)
        if before.get(name) and not seen.get(name) and _by_chance(before[name], rows_before, rows) < CHANCE
    ]


def new_columns(before: Mapping[str, int], rows_before: int, seen: Mapping[str, int], rows: int) -> list[str]:
    """The columns that the rows before would have shown, had they been there."""
    return [
        name
        for name in sorted(seen)
        if before and name not in before and _by_chance(seen[name], rows, rows_before) < CHANCE
    ]


def _by_chance(filled: int, rows: int, others: int) -> float:
    """How likely a column that `filled` of `rows` rows have is in none of `others`."""
    return float((1 - filled / (rows + 1)) ** others)


def drift_reason(lost: Sequence[str], new: Sequence[str]) -> str:
    """The changed columns by name."""
    missing = f"column missing: {', '.join(lost)}"
    return f"{missing} (new: {', '.join(new)})" if new else missing


def judge_known(
    known: Sequence[KnownRow], since: date | None, seen: Mapping[str, Collection[str]]
) -> tuple[list[str], list[str], int]:
    """Of the known rows that this reading covers: those gone, those whose values changed, and how many were asked for."""
    asked = [row for row in known if since is None or (row.day is not None and row.day > since)]
    gone = [row.name for row in asked if row.name not in seen]
    changed = [row.name for row in asked if row.name in seen and row.print not in seen[row.name]]
    return gone, changed, len(asked)


def judge_reading(
    run: Run,
    expected: float | None,
    known: tuple[list[str], list[str], int],
    new: Sequence[str],
    *,
    misplaced: int = 0,
) -> Finding:
    """The light of a reading that came to its end."""
    gone, changed, asked = known
    red, amber = [], []
    if asked and len(gone) + len(changed) == asked:
        red.append(f"none of {asked} known rows came back as it was: {', '.join([*gone, *changed])}")
    elif gone or changed:
        amber.append(f"of {asked} known rows {len(gone)} are gone and {len(changed)} changed")
    if expected is not None and expected >= ENOUGH_ROWS and run.rows < FAR_BELOW * expected:
        amber.append(f"{run.rows} rows came where the readings before predict {expected:.0f}")
    if run.rows >= ENOUGH_ROWS and run.rejected > MOST_REJECTED * run.rows:
        amber.append(f"{run.rejected} of {run.rows} rows cannot be kept")
    if run.rows >= ENOUGH_ROWS and misplaced > MOST_REJECTED * run.rows:
        amber.append(f"{misplaced} of {run.rows} rows give a point that is none: zero, or no degrees")
    notes = (f"new column: {', '.join(new)}",) if new else ()
    light = SourceLight.RED if red else SourceLight.AMBER if amber else SourceLight.GREEN
    return Finding(light, (*red, *amber), notes)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is configured and known of a source beside its readings; `idle` says why nobody asks it."""

    source: str
    kind: ReadingKind
    idle: str | None = None
    freshness_days: int | None = None
    checked_at: datetime | None = None
    check_reasons: tuple[str, ...] = ()


def judge_source(asked: Asked, runs: Sequence[Run], now: datetime) -> Finding:
    """The light of a source today; `runs` are its last readings, newest first."""
    if asked.idle is not None:
        return Finding(SourceLight.IDLE, (asked.idle,))
    last = runs[0] if runs else None
    if asked.check_reasons and (
        last is None or (asked.checked_at or now) > (last.ended_at or last.started_at)
    ):
        return Finding(SourceLight.RED, asked.check_reasons)
    if last is None:
        return Finding(SourceLight.AMBER, ("never read",))
    ended = next((run for run in runs if run.status is not ReadingStatus.READING), None)
    if ended is not None and not ended.good:
        return Finding(ended.light or SourceLight.RED, ended.reasons, ended.notes)
    good = next((run for run in runs if run.good), None)
    age = _age_reason(asked, good, now)
    if age is not None and age.light is SourceLight.RED:
        return age
    if not last.good and now - last.started_at > STUCK_AFTER:
        return Finding(SourceLight.AMBER, (f"being read since {last.started_at:%Y-%m-%d %H:%M}",))
    shown = (
        Finding(good.light or SourceLight.GREEN, good.reasons, good.notes)
        if good
        else Finding(SourceLight.GREEN)
    )
    late = [reason for found in (age, _stale_rows(asked, good, now)) if found for reason in found.reasons]
    if not late:
        return shown
    light = SourceLight.AMBER if shown.light is SourceLight.GREEN else shown.light
    return Finding(light, (*shown.reasons, *late), shown.notes)


def _age_reason(asked: Asked, good: Run | None, now: datetime) -> Finding | None:
    if asked.kind not in DAILY or good is None:
        return None
    age = now - (good.ended_at or good.started_at)
    if age <= LATE_AFTER:
        return None
    light = SourceLight.RED if age > LOST_AFTER else SourceLight.AMBER
    return Finding(light, (f"the last good reading is {age.days} days old",))


def _stale_rows(asked: Asked, good: Run | None, now: datetime) -> Finding | None:
    if asked.freshness_days is None or good is None or good.newest_on is None:
        return None
    age = (now.date() - good.newest_on).days
    if age <= asked.freshness_days:
        return None
    return Finding(
        SourceLight.AMBER, (f"the newest row is {age} days old, {asked.freshness_days} are allowed",)
    )


def run_facts(run: Run) -> dict[str, Any]:
    """A reading as operators see it."""
    return {
        "status": run.status.value,
        "light": run.light.value if run.light else None,
        "reasons": list(run.reasons),
        "notes": list(run.notes),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "window_days": run.window_days,
        "rows": run.rows,
        "rejected": run.rejected,
        "newest_row": run.newest_on.isoformat() if run.newest_on else None,
        "columns": sorted(run.columns),
    }
