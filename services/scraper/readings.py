"""A source as it is being read: what its pages show is held against the readings before, and kept with their rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.source_check import Verdict
from services.scraper.domain.source_health import (
    KNOWN_ROWS,
    Finding,
    KnownRow,
    Run,
    drift_reason,
    expected_rows,
    judge_known,
    judge_reading,
    lost_columns,
    new_columns,
    unexpected_zero,
)
from services.scraper.domain.values import clean_text, date_of, first_present, is_plausible_day, point_of
from services.scraper.formats.field_map import PermitSource
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.ingest import IngestReport
from services.scraper.repository import CityRepository, SourceRunRepository
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import PermanentError, PolicyViolation, ProviderError
from shared.http.client import FetchDenied
from shared.providers.outcomes import Outcome
from shared.providers.permit_source import RawRow
from shared.schemas.enums import ReadingKind, SourceLight
from shared.workflow.transitions import LeaseLost

UNKNOWN_FAILURE = "error"
STORED_AS = {"nws_alerts": ("nws_alert",), "swdi": ("swdi_plsr", "swdi_nx3hail")}
"""What a feed's rows are called where it is not the feed's own name."""
GOOD = Finding(SourceLight.GREEN)
UNTOLD = frozenset({Outcome.RETRYABLE.value, Outcome.BAD_ANSWER.value})
"""Reasons that say less than the kind of the error."""


class SourceFailed(PermanentError):
    """The source no longer gives what it gave; `code` is the reason's stable name."""

    def __init__(self, code: str, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}", code=code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells a source's rows apart: the columns of their name, their day and their values, and all that are read."""

    read: frozenset[str]
    name: tuple[str, ...]
    values: tuple[str, ...]
    day: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    lat: tuple[str, ...] = ()
    lng: tuple[str, ...] = ()

    @classmethod
    def of_permits(cls, mapped: PermitSource) -> Shape:
        """The shape of a permit feed."""
        name = mapped.number_from or mapped.fields.get("permit_number", ())
        day = mapped.fields.get("issue_date", ())
        values = (*mapped.fields.get("address", ()), *day)
        lat, lng = mapped.fields.get("lat", ()), mapped.fields.get("lng", ())
        return cls(frozenset(mapped.columns()), tuple(name), values, tuple(day), mapped.zone, lat, lng)

    @classmethod
    def of_parcels(cls, mapped: ParcelSource) -> Shape:
        """The shape of a parcel layer."""
        read = frozenset(column for columns in mapped.fields.values() for column in columns)
        return cls(read, mapped.fields.get("parcel_id", ()), mapped.fields.get("address", ()))

    def known(self, row: RawRow) -> KnownRow:
        """A row by its name, with the print of its values."""
        values = "\x1f".join(clean_text(row.columns.get(column)) or "" for column in self.values)
        digest = hashlib.sha256(values.encode()).hexdigest()[:16]
        return KnownRow(self.name_of(row), digest, self.day_of(row))

    def name_of(self, row: RawRow) -> str:
        """What the publisher calls the row, empty where it has no name."""
        return "-".join(filter(None, (clean_text(row.columns.get(column)) for column in self.name)))[:100]

    def day_of(self, row: RawRow) -> date | None:
        """The day the row carries."""
        return next(
            (day for column in self.day if (day := date_of(row.columns.get(column), self.zone))), None
        )

    def is_misplaced(self, row: RawRow) -> bool:
        """True for a row whose point is none on land of ours: zero, feet, or the two of it exchanged."""
        lat, lng = first_present(row.columns, self.lat), first_present(row.columns, self.lng)
        if lat is None and lng is None and (row.geometry or {}).get("type") == "Point":
            lng, lat, *_ = (row.geometry or {})["coordinates"]
        return (lat is not None or lng is not None) and point_of(lat, lng) is None


@dataclass(slots=True)
class Seen:
    """What the pages of a reading showed so far."""

    shape: Shape
    rows: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    newest: list[KnownRow] = field(default_factory=list)
    again: dict[str, set[str]] = field(default_factory=dict)
    """Prints of the known rows that came again, by name: a publisher may have several rows of one."""
    misplaced: int = 0

    def add(self, rows: Sequence[RawRow], asked_for: Collection[str], today: date) -> Counter[str]:
        """Take a page in and give its columns; `asked_for` names the known rows."""
        page: Counter[str] = Counter()
        for row in rows:
            page.update(row.columns.keys())
            self.misplaced += self.shape.is_misplaced(row)
            if asked_for and (name := self.shape.name_of(row)) in asked_for:
                self.again.setdefault(name, set()).add(self.shape.known(row).print)
        self.rows += len(rows)
        self.columns += page
        self.newest = self._newest([*self.newest, *self._candidates(rows, today)])
        return page

    def _candidates(self, rows: Sequence[RawRow], today: date) -> list[KnownRow]:
        """The newest rows of a page; the first ones where rows carry no day."""
        if not self.shape.day:
            return [self.shape.known(row) for row in rows[:KNOWN_ROWS]] if not self.newest else []
        days = [(day, at) for at, row in enumerate(rows) if (day := self.shape.day_of(row))]
        plausible = sorted(found for found in days if is_plausible_day(found[0], today))[-KNOWN_ROWS:]
        return [self.shape.known(rows[at]) for _, at in plausible]

    def _newest(self, found: list[KnownRow]) -> list[KnownRow]:
        named = {row.name: row for row in found if row.name}
        return sorted(named.values(), key=lambda row: row.day or date.min, reverse=True)[:KNOWN_ROWS]


@dataclass(slots=True)
class Before:
    """What is known of the source: its other readings, and what the last check saw in how many rows."""

    history: list[Run]
    columns: Mapping[str, int]
    rows: int

    @classmethod
    def of(cls, history: list[Run], check: Mapping[str, Any]) -> Before:
        """The last check's columns, or those of the last good reading where no check kept any."""
        if check.get("columns"):
            return cls(history, check["columns"], int(check.get("sampled") or 0))
        good = next((run for run in history if run.good and run.rows), None)
        return cls(history, good.columns if good else {}, good.rows if good else 0)


@dataclass(frozen=True, slots=True)
class ReadSource:
    """A source of a city, the workflow that reads it and how far back."""

    key: str
    kind: ReadingKind
    city_id: UUID
    workflow_id: UUID
    since: date | None
    today: date
    dated: bool = True
    """True where it is asked by the day that its rows carry."""

    @property
    def window_days(self) -> int | None:
        """The days it is asked for; None for all it has."""
        return max(1, (self.today - self.since).days) if self.since else None


class Reading:
    """One reading; `look` refuses a page before it is stored, `keep` commits with it, `end` judges the whole."""

    def __init__(self, run: str, kept: Run, before: Before, shape: Shape, source: ReadSource) -> None:
        self._run, self._kept, self._before = run, kept, before
        self._since, self._today = source.since, source.today
        self.seen = Seen(shape, kept.rows, Counter(dict(kept.columns)), list(kept.known))
        last = next((one for one in before.history if one.good and one.known), None)
        # What an earlier attempt saw again is not kept: a reading that goes on in the middle cannot miss a row. Nor can
        # one whose window is of another day than the one its rows carry.
        askable = not kept.rows and (source.since is None or source.dated)
        self._known = last.known if last and askable else ()

    def look(self, rows: Sequence[RawRow]) -> None:
        """Take a page in; SourceFailed, by the names of the columns, where the source lost one that is read."""
        page = self.seen.add(rows, {row.name for row in self._known}, self._today)
        lost = lost_columns(self.seen.shape.read, self._before.columns, self._before.rows, page, len(rows))
        if lost:
            new = new_columns(self._before.columns, self._before.rows, page, len(rows))
            raise SourceFailed("column_missing", self._kept.source, drift_reason(lost, new))

    async def keep(self, session: AsyncSession, report: IngestReport) -> None:
        """Keep how far the reading came, in the transaction of the page's rows."""
        newest = max((row.day for row in self.seen.newest if row.day), default=None)
        self._kept = replace(
            self._kept,
            rows=self.seen.rows,
            rejected=self._kept.rejected + report.rejected,
            newest_on=newest,
            columns=dict(self.seen.columns),
            known=tuple(self.seen.newest),
        )
        await SourceRunRepository(session).keep(self._run, self._kept)

    def refuse_unexpected_zero(self, sampled: int) -> None:
        """SourceFailed where the source gave no row at all and should have; `sampled` rows were seen by its check."""
        if self.seen.rows or (reason := unexpected_zero(self.expected(), sampled)) is None:
            return
        raise SourceFailed("zero_rows", self._kept.source, reason)

    @property
    def misplaced(self) -> int:
        """How many rows gave a point that is none."""
        return self.seen.misplaced

    def expected(self) -> float | None:
        """How many rows the readings before predict."""
        return expected_rows(self._before.history, self._kept.window_days, self._today)

    async def end(self, session: AsyncSession) -> Finding:
        """Close the reading with its light."""
        known = judge_known(self._known, self._since, self.seen.again)
        new = new_columns(self._before.columns, self._before.rows, self.seen.columns, self.seen.rows)
        found = judge_reading(self._kept, self.expected(), known, new, misplaced=self.misplaced)
        await SourceRunRepository(session).end(self._kept.source, self._run, found)
        return found


def columns_changed(
    shape: Shape, before: Before, announced: Collection[str], sample: Sequence[RawRow]
) -> tuple[list[str], list[str], Counter[str]]:
    """Columns that are read and gone, columns that are new, and the sample's columns: a source before it is read."""
    page = Counter(name for row in sample for name in row.columns)
    lost = set(lost_columns(shape.read, before.columns, before.rows, page, len(sample)))
    if announced:
        lost |= {name for name in shape.read if name in before.columns and name not in announced}
    new = set(new_columns(before.columns, before.rows, page, len(sample)))
    return sorted(lost), sorted(new), page


class Unwatched:
    """A reading of which nothing is kept: that of a recording."""

    misplaced = 0

    def look(self, rows: Sequence[RawRow]) -> None:
        """Take any page."""

    def refuse_unexpected_zero(self, sampled: int) -> None:
        """Take no row for an answer."""

    async def keep(self, session: AsyncSession, report: IngestReport) -> None:
        """Keep nothing."""

    async def end(self, session: AsyncSession) -> None:
        """Judge nothing."""


@asynccontextmanager
async def reading_of(
    unit_of_work: UnitOfWorkFactory, source: ReadSource, shape: Shape
) -> AsyncIterator[Reading]:
    """A reading of one source; an error that ends it is kept with its reason before it is raised."""
    run = str(source.workflow_id)
    async with unit_of_work() as uow:
        repository = SourceRunRepository(uow.session)
        kept = await repository.begin(
            source.key,
            run,
            source.kind,
            city_id=source.city_id,
            workflow_id=source.workflow_id,
            window_days=source.window_days,
        )
        check = await repository.last_check(source.key) if source.kind is ReadingKind.PERMITS else {}
        before = Before.of(await repository.history(source.key, run), check)
    try:
        yield Reading(run, kept, before, shape, source)
    except LeaseLost:
        raise
    except Exception as error:
        found, code = failed(error)
        async with unit_of_work() as uow:
            await SourceRunRepository(uow.session).end(source.key, run, found, failure=code)
        raise


def failed(error: Exception) -> tuple[Finding, str]:
    """The light and the name of an error: what may pass by itself, and what we may not read, is amber."""
    passing = isinstance(error, ProviderError) and error.retryable
    light = SourceLight.AMBER if passing or isinstance(error, PolicyViolation) else SourceLight.RED
    words = getattr(error, "reason", None) or getattr(error, "detail", None) or type(error).__name__
    return Finding(light, (str(words)[:500],)), failure_code(error)


def failure_code(error: Exception) -> str:
    """The stable name of what went wrong."""
    if isinstance(error, ProviderError):
        reason = str(error.fields.get("reason") or error.code)
        return error.code if reason in UNTOLD else reason
    if isinstance(error, FetchDenied):
        return "not_allowed"
    return str(getattr(error, "code", None) or UNKNOWN_FAILURE)


async def keep_verdict(session: AsyncSession, city: Row[Any], verdict: Verdict) -> None:
    """Keep a verdict with the licence row; a bad one leaves the columns that the last good one saw."""
    last = await SourceRunRepository(session).last_check(verdict.source)
    seen = verdict.columns if verdict.usable else last.get("columns", {})
    sampled = verdict.facts.get("sampled", 0) if verdict.usable else last.get("sampled", 0)
    result = {
        "city": f"{city.city}, {city.state}",
        "usable": verdict.usable,
        "reasons": list(verdict.reasons),
        "facts": verdict.facts,
        "columns": dict(seen),
        "sampled": sampled,
    }
    await CityRepository(session).keep_check(verdict.source, result, verdict.facts.get("newest_row"))


async def keep_refusal(
    session: AsyncSession, city: Row[Any], verdict: Verdict, workflow_id: UUID | None, light: SourceLight
) -> None:
    """A source that a workflow does not come to read leaves a failed reading with the reasons of its check."""
    if verdict.usable or workflow_id is None:
        return
    repository = SourceRunRepository(session)
    key, run = verdict.source, str(workflow_id)
    await repository.begin(
        key, run, ReadingKind.PERMITS, city_id=city.id, workflow_id=workflow_id, window_days=None
    )
    await repository.end(key, run, Finding(light, verdict.reasons), failure=verdict.failure)


def is_dated(entry: Mapping[str, Any]) -> bool:
    """True where a feed is asked by the day that its permits carry: their issue date."""
    mapped = (entry.get("field_map") or {}).get("issue_date")
    columns = mapped if isinstance(mapped, list) else [mapped]
    return bool(mapped) and columns == [entry.get("incremental_date_field")]


def sampled_since(facts: Mapping[str, Any], entry: Mapping[str, Any], since: date | None) -> int:
    """How many of the rows that the check sampled a reading must bring again; 0 where nobody can tell."""
    readable = int(facts.get("readable") or 0)
    if since is None:
        return readable
    if not is_dated(entry):
        return 0
    return 1 if (facts.get("newest_row") or "") >= since.isoformat() and readable else 0


async def keep_storm_runs(
    session: AsyncSession, feeds: Mapping[str, IngestReport | Exception], workflow_id: UUID, days: int
) -> None:
    """Keep what became of each feed that was asked."""
    repository = SourceRunRepository(session)
    for feed, outcome in feeds.items():
        report = outcome if isinstance(outcome, IngestReport) else IngestReport()
        found, failure = failed(outcome) if isinstance(outcome, Exception) else (GOOD, None)
        await repository.keep_storms(
            feed,
            workflow_id,
            window_days=days,
            rows=report.read,
            rejected=report.rejected,
            stored_as=STORED_AS.get(feed, (feed,)),
            found=found,
            failure=failure,
        )


async def keep_look_up(
    session: AsyncSession,
    source: str,
    city_id: UUID,
    facts: Mapping[str, Any],
    error: Exception | None = None,
) -> None:
    """Count a page of an assessor with the facts that were on it, or why it could not be read."""
    found, failure = failed(error) if error else (GOOD, None)
    named = [name for name, value in facts.items() if value is not None]
    await SourceRunRepository(session).add_look_up(
        source, city_id, columns=named, found=found, failure=failure
    )
