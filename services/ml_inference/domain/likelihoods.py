"""What permits, claims, storms and neighbours say about a roof's condition: likelihood ratios as data, each with its source.

A ratio is how much likelier a finding is over roofs of that condition than over all roofs. Those measured in the sandbox
hold for its towns; on real houses they count with the weight of TRUST until reviews have measured them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.schemas.enums import ImageDomain, RoofAgeEvidence, RoofCondition

FLOOR: Final = 0.1
"""No finding makes a condition less likely than this: nothing that a table says is certain."""
TRUST: Final = {ImageDomain.RENDERED: 1.0, ImageDomain.REAL: 0.5}
"""Exponent of every ratio (HOUSE for real houses)."""

_TOWNS: Final = "measured in five sandbox towns of 8,000 parcels, seeds 101 and 102, on 63,336 dwellings"
_HOUSE: Final = "HOUSE: no public source; counts only where owner or contractor supplied it (C-48)"
# Roof and house ages in years, the upper end excluded; the classes of S4-3.4.1-m1 and the decades after them.
PERMIT_AGES: Final = ((4, "0-3"), (11, "4-10"), (16, "11-15"), (21, "16-20"), (1000, "21+"))
HOUSE_AGES: Final = (
    (4, "0-3"),
    (11, "4-10"),
    (16, "11-15"),
    (21, "16-20"),
    (31, "21-30"),
    (51, "31-50"),
    (1000, "51+"),
)
HAIL_INCHES: Final = ((1.0, "below 1.00 in"), (1.5, "1.00-1.49 in"), (1000.0, "1.50 in or more"))
NEIGHBOUR_PERMITS: Final = ((1, "none"), (5, "1-4"), (1_000_000, "5 or more"))
DATED: Final = {RoofAgeEvidence.PERMIT, RoofAgeEvidence.IMAGES, RoofAgeEvidence.VENDOR}


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much likelier a finding is for each condition, best first, and who says so."""

    ratios: tuple[float, float, float, float, float]
    source: str


LIKELIHOODS: Final[Mapping[tuple[str, str], Ratio]] = {
    ("roof_age", "0-3"): Ratio((4.06, 0.83, 0.10, 0.10, 0.10), _TOWNS),
    ("roof_age", "4-10"): Ratio((0.37, 2.27, 1.10, 0.17, 0.10), _TOWNS),
    ("roof_age", "11-15"): Ratio((0.10, 0.34, 2.28, 1.67, 0.54), _TOWNS),
    ("roof_age", "16-20"): Ratio((0.10, 0.10, 0.62, 3.19, 2.54), _TOWNS),
    ("roof_age", "21+"): Ratio((0.10, 0.10, 0.38, 1.21, 5.61), _TOWNS),
    ("house_age", "0-3"): Ratio((4.14, 0.77, 0.10, 0.10, 0.10), _TOWNS),
    ("house_age", "4-10"): Ratio((0.83, 2.04, 0.99, 0.19, 0.10), _TOWNS),
    ("house_age", "11-15"): Ratio((0.10, 1.05, 1.69, 1.28, 0.57), _TOWNS),
    ("house_age", "16-20"): Ratio((0.15, 0.68, 1.00, 2.03, 1.71), _TOWNS),
    ("house_age", "21-30"): Ratio((0.24, 0.37, 1.45, 1.16, 2.40), _TOWNS),
    ("house_age", "31-50"): Ratio((0.49, 0.48, 0.76, 2.02, 2.12), _TOWNS),
    ("house_age", "51+"): Ratio((0.69, 0.83, 0.78, 1.14, 2.09), _TOWNS),
    ("hail", "below 1.00 in"): Ratio((1.29, 0.99, 0.99, 0.92, 0.72), _TOWNS),
    ("hail", "1.00-1.49 in"): Ratio((1.10, 0.99, 0.98, 1.01, 0.91), _TOWNS),
    ("hail", "1.50 in or more"): Ratio((0.78, 1.02, 1.03, 1.02, 1.20), _TOWNS),
    ("neighbour_permits", "none"): Ratio((1.16, 1.07, 0.96, 0.90, 0.81), _TOWNS),
    ("neighbour_permits", "1-4"): Ratio((0.96, 1.00, 1.01, 1.01, 1.02), _TOWNS),
    ("neighbour_permits", "5 or more"): Ratio((0.99, 0.94, 0.99, 1.05, 1.10), _TOWNS),
    ("insurance_claim", "reported"): Ratio((0.30, 0.50, 1.00, 1.50, 2.00), _HOUSE),
}


@dataclass(frozen=True, slots=True)
class HouseFacts:
    """What the tables know of a house beside its pictures; None where nothing is known."""

    roof_age: float | None = None
    roof_age_evidence: RoofAgeEvidence | None = None
    house_age: float | None = None
    hail_inches: float | None = None
    """The largest over the house in the two years before the newest picture; 0 where none came."""
    neighbour_permits: int | None = None
    """Re-roofs within a quarter mile in 90 days."""
    claim_reported: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact and what it does to the probabilities."""

    kind: str
    value: str
    ratios: Mapping[RoofCondition, float]
    source: str


def findings_of(facts: HouseFacts, domain: ImageDomain) -> list[Finding]:
    """Every fact that the table speaks of, weighed for the domain; a dated roof goes before the house's age."""
    return [_finding(kind, value, TRUST[domain]) for kind, value in _values(facts)]


def absent_from(facts: HouseFacts) -> list[str]:
    """The kinds of evidence that are not at hand for this house, listings always (no lawful source)."""
    there = {kind for kind, _ in _values(facts)}
    age = () if there & {"roof_age", "house_age"} else ("permits",)
    others = [kind for kind in ("hail", "neighbour_permits", "insurance_claim") if kind not in there]
    return [*age, *others, "listings"]


def _values(facts: HouseFacts) -> Iterator[tuple[str, str]]:
    if facts.roof_age is not None and facts.roof_age_evidence in DATED:
        yield "roof_age", _band(facts.roof_age, PERMIT_AGES)
    elif facts.house_age is not None:
        yield "house_age", _band(facts.house_age, HOUSE_AGES)
    if facts.hail_inches is not None:
        yield "hail", _band(facts.hail_inches, HAIL_INCHES)
    if facts.neighbour_permits is not None:
        yield "neighbour_permits", _band(facts.neighbour_permits, NEIGHBOUR_PERMITS)
    if facts.claim_reported:
        yield "insurance_claim", "reported"


def _band(value: float, bands: tuple[tuple[float, str], ...]) -> str:
    return next((name for below, name in bands if value < below), bands[-1][1])


def _finding(kind: str, value: str, trust: float) -> Finding:
    row = LIKELIHOODS[kind, value]
    weighed = {c: max(FLOOR, ratio) ** trust for c, ratio in zip(RoofCondition, row.ratios, strict=True)}
    return Finding(kind, value, weighed, row.source)
