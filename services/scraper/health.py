"""The health of sources, put together from what is configured, what the checks said and what the readings left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from services.scraper.domain.source_health import (
    Asked,
    Finding,
    Run,
    expected_rows,
    judge_source,
    run_facts,
)
from services.scraper.repository import SourceRunRepository
from shared.errors import NotFound
from shared.providers.source_choice import PARCEL_KINDS, PERMIT_KINDS, refusal
from shared.runtime import Resources
from shared.schemas.enums import ReadingKind, SourceLight

NOBODY_ASKED = "no house was looked up yet"
WORST_FIRST = (SourceLight.RED, SourceLight.AMBER, SourceLight.GREEN, SourceLight.IDLE)


@dataclass(frozen=True, slots=True)
class Configured:
    """A source as it is configured: whose it is, what it is read for, and why nobody asks it."""

    key: str
    kind: ReadingKind
    city: str | None = None
    idle: str | None = None
    behind: str | None = None
    """The source that is read instead as long as it can be."""
    freshness_days: int | None = None


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A source with its light and its last readings, newest first."""

    configured: Configured
    found: Finding
    runs: Sequence[Run]

    def facts(self) -> dict[str, Any]:
        """The line that operators see."""
        last = self.runs[0] if self.runs else None
        good = next((run for run in self.runs if run.good), None)
        newest = max((run.newest_on for run in self.runs if run.newest_on), default=None)
        expected = expected_rows(self.runs[1:], last.window_days, last.started_at.date()) if last else None
        return {
            "source": self.configured.key,
            "kind": self.configured.kind.value,
            "city": self.configured.city,
            "light": self.found.light.value,
            "reasons": list(self.found.reasons),
            "notes": list(self.found.notes),
            "last_success": _moment(good),
            "last_try": _moment(last),
            "newest_row": newest.isoformat() if newest else None,
            "rows": last.rows if last else None,
            "rows_expected": round(expected) if expected is not None else None,
        }

    def history(self) -> dict[str, Any]:
        """The same with every reading that is kept for it."""
        return {**self.facts(), "runs": [run_facts(run) for run in self.runs]}


async def sources_health(
    resources: Resources,
    *,
    city: str | None = None,
    state: str | None = None,
    light: SourceLight | None = None,
) -> list[SourceHealth]:
    """Every source of the active cities and every storm feed, worst first; or those of one city, also an inactive one.

    NotFound for a city we do not know.
    """
    async with resources.unit_of_work() as uow:
        cities = await SourceRunRepository(uow.session).configured(city, state, inactive=city is not None)
    if city is not None and not cities:
        raise NotFound(f"{city}{f', {state}' if state else ''} is not a target city")
    sources = [source for row in cities for source in _of_city(row)]
    if city is None and state is None:
        sources += _storm_feeds(resources)
    found = [one for one in await _judged(resources, sources) if light in (None, one.found.light)]
    return sorted(found, key=lambda one: WORST_FIRST.index(one.found.light))


async def source_health(resources: Resources, key: str) -> SourceHealth:
    """One source with its readings; NotFound where no city and no storm feed has it."""
    async with resources.unit_of_work() as uow:
        cities = await SourceRunRepository(uow.session).configured(inactive=True)
    sources = [*(source for row in cities for source in _of_city(row)), *_storm_feeds(resources)]
    wanted = next((source for source in sources if source.key == key), None)
    if wanted is None:
        raise NotFound(f"no city has a source {key}")
    [found] = await _judged(resources, [wanted])
    return found


async def _judged(resources: Resources, sources: Sequence[Configured]) -> list[SourceHealth]:
    keys = [source.key for source in sources]
    async with resources.unit_of_work() as uow:
        repository = SourceRunRepository(uow.session)
        runs, checks = await repository.latest(keys), await repository.checks(keys)
    now = resources.clock()
    return [
        SourceHealth(source, judge_source(_asked(source, runs, checks), readings, now), readings)
        for source in sources
        for readings in [runs.get(source.key, [])]
    ]


def _asked(source: Configured, runs: Mapping[str, Sequence[Run]], checks: Mapping[str, Row[Any]]) -> Asked:
    """What is known of a source beside its readings."""
    check = checks.get(source.key)
    result: Mapping[str, Any] = (check.check_result or {}) if check is not None else {}
    return Asked(
        source.key,
        source.kind,
        idle=source.idle or _idle(source, runs),
        freshness_days=source.freshness_days,
        checked_at=check.checked_at if check is not None else None,
        check_reasons=tuple(result.get("reasons") or ()),
    )


def _idle(source: Configured, runs: Mapping[str, Sequence[Run]]) -> str | None:
    """Why a source that may be asked was not: nobody needed it, or the one before it is the one that is read."""
    own, first = runs.get(source.key), runs.get(source.behind or "")
    if source.kind is ReadingKind.ASSESSOR and not own:
        return NOBODY_ASKED
    if source.behind and (not own or (first and first[0].started_at > own[0].started_at)):
        return f"stands behind {source.behind}"
    return None


def _of_city(row: Row[Any]) -> Iterator[Configured]:
    place, config = f"{row.city}, {row.state}", row.sources or {}
    asked: str | None = None
    for entry in config.get("permit_sources") or ():
        idle = refusal(entry, PERMIT_KINDS)
        yield Configured(
            entry["key"], ReadingKind.PERMITS, place, idle, asked, freshness_days=entry.get("freshness_days")
        )
        asked = asked or (None if idle else entry["key"])
    asked = None
    for entry in config.get("parcel_sources") or ():
        idle = refusal(entry, PARCEL_KINDS)
        yield Configured(entry["key"], ReadingKind.PARCELS, place, idle, asked)
        asked = asked or (None if idle else entry["key"])
    if row.assessor_config:
        key = row.assessor_config.get("source_key") or f"{row.city}_{row.state}_assessor".lower()
        yield Configured(key, ReadingKind.ASSESSOR, place)


def _storm_feeds(resources: Resources) -> list[Configured]:
    return [Configured(feed.name, ReadingKind.STORMS) for feed in resources.providers.storm_feeds]


def _moment(run: Run | None) -> str | None:
    return (run.ended_at or run.started_at).isoformat() if run else None
