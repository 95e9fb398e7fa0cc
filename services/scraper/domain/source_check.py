"""Whether a feed can be trusted today: columns, place, freshness, roofing share; reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected
from services.scraper.domain.source_health import drift_reason
from shared.schemas.geo import miles_between

INSIDE_SHARE = 0.5
# Of all permits one in sixteen speaks of a roof (Chicago, June 2026: 459 of 7,473): among so many none is no accident,
# the feed leaves roofs out. Fewer rows cannot tell.
ROOFLESS_ROWS = 150
COUNTY_MILES = 100
"""No county outside Alaska reaches further from any of its cities."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the check holds the sample against; no freshness limit for a recorded feed."""

    center: tuple[float, float] | None
    radius_miles: float
    freshness_days: int | None
    today: date
    may_be_empty: bool = False
    """True where the source's entry says so: a small town may have had no permit yet."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the feed may be read, every reason against it, and what the sample showed."""

    source: str
    reasons: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    """In how many of the sampled rows each column was."""
    failure: str = "refused"
    """The stable name of what speaks against the feed."""

    @property
    def usable(self) -> bool:
        """True when nothing speaks against the feed."""
        return not self.reasons


def judge_sample(
    source: str,
    missing_columns: Sequence[str],
    rows: Sequence[PermitRow | Rejected],
    wanted: Expectation,
    *,
    new_columns: Sequence[str] = (),
) -> Verdict:
    """The verdict on a feed from its columns and a sample of its rows; `new_columns` were not there before."""
    if missing_columns:
        reason = drift_reason(sorted(set(missing_columns)), new_columns)
        return Verdict(source, (reason,), failure="column_missing")
    permits = [row for row in rows if isinstance(row, PermitRow)]
    facts: dict[str, Any] = {"sampled": len(rows), "readable": len(permits)}
    if not rows:
        return Verdict(source, () if wanted.may_be_empty else ("the feed is empty",), facts)
    if new_columns:
        facts["new_columns"] = ", ".join(new_columns)
    if not permits:
        causes = sorted({row.reason for row in rows if isinstance(row, Rejected)})
        return Verdict(source, (f"no row is readable: {', '.join(causes)}",), facts)
    reasons = [
        *_place(permits, wanted, facts),
        *_freshness(permits, wanted, facts),
        *_roofing(permits, facts),
    ]
    return Verdict(source, tuple(reasons), facts)


def _place(permits: Sequence[PermitRow], wanted: Expectation, facts: dict[str, Any]) -> list[str]:
    located = [(p.lat, p.lng) for p in permits if p.lat is not None and p.lng is not None]
    if not located:
        return _named_place(permits, facts)
    if wanted.center is None:
        return []
    inside = sum(1 for point in located if miles_between(point, wanted.center) <= wanted.radius_miles)
    facts["inside"] = f"{inside} of {len(located)}"
    if inside < INSIDE_SHARE * len(located):
        return [
            f"only {inside} of {len(located)} sampled rows lie within {wanted.radius_miles:.0f} miles of the city"
        ]
    return []


def _named_place(permits: Sequence[PermitRow], facts: dict[str, Any]) -> list[str]:
    """Without points the city that a row names tells its place; a row that names none is its publisher's."""
    inside = sum(1 for permit in permits if permit.city.casefold() == permit.home_city.casefold())
    facts["inside"] = f"{inside} of {len(permits)} by name"
    if inside < INSIDE_SHARE * len(permits):
        return [f"only {inside} of {len(permits)} sampled rows name {permits[0].home_city} as their city"]
    return []


def _roofing(permits: Sequence[PermitRow], facts: dict[str, Any]) -> list[str]:
    facts["roofing"] = sum(1 for permit in permits if permit.roof_work == "reroof")
    mentioned = sum(1 for permit in permits if permit.roof_work != "none")
    if mentioned == 0 and len(permits) >= ROOFLESS_ROWS:
        return [f"none of {len(permits)} sampled rows speaks of a roof"]
    return []


def _freshness(permits: Sequence[PermitRow], wanted: Expectation, facts: dict[str, Any]) -> list[str]:
    newest = max((p.issue_date for p in permits if p.issue_date), default=None)
    if newest is None:
        return ["no sampled row has a date"]
    age = (wanted.today - newest).days
    facts["newest_row"], facts["newest_row_age_days"] = newest.isoformat(), age
    if wanted.freshness_days is not None and age > wanted.freshness_days:
        return [f"the newest row is {age} days old, {wanted.freshness_days} are allowed"]
    return []


def far_away(parcels: Sequence[ParcelRow], center: tuple[float, float] | None) -> str | None:
    """In words that most parcels lie far from their city, as a wrong projection puts them; None where they do not."""
    located = [(p.lat, p.lng) for p in parcels if p.lat is not None and p.lng is not None]
    if center is None or not located:
        return None
    far = sum(1 for point in located if miles_between(point, center) > COUNTY_MILES)
    if far * 2 <= len(located):
        return None
    return f"{far} of {len(located)} parcels lie more than {COUNTY_MILES} miles from the city: is their projection right?"
