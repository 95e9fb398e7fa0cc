"""How much of the sandbox's truth was found: plain arithmetic on what we say and what is so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.schemas.enums import DamageType, RoofCondition, RoofMaterial
from shared.schemas.service_life import expected_life


@dataclass(frozen=True)
class Share:
    """The share of `n` cases that were right; None of none."""

    value: float | None
    n: int


@dataclass(frozen=True)
class Finding:
    """How well a yes-or-no judgement meets the truth over `n` cases; None where nothing was said or so."""

    precision: float | None
    recall: float | None
    n: int


@dataclass(frozen=True)
class Worn:
    """Roofs that truly need work: the share among published leads, among those with grade A or B, and among all parcels."""

    published: Share
    top_grades: Share
    parcels: Share
    """What a visit at random finds."""
    lift: float | None
    """How many times as often grade A or B finds one as a visit at random; None of none."""


@dataclass(frozen=True)
class Quality:
    """The figures of a town, with those of the roofs published as proven apart."""

    condition: Share
    condition_published: Share
    condition_within_one: Share
    suppression: Finding
    suppression_with_permit: Finding
    damage: Finding
    """Kinds of damage, each on each analysed roof; hail apart, which no picture here is fine enough to show."""
    worn: Worn

    def as_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


DAMAGES = tuple(damage.value for damage in DamageType if damage is not DamageType.HAIL_DENTS)
SANDBOX_WORDS = {"ponding_water": DamageType.PONDING.value}
PUBLISHED = ("available", "reserved", "sold")
TOP_GRADES = ("A", "B")
WORN = (RoofCondition.POOR, RoofCondition.CRITICAL)
CONDITIONS = ("excellent", "good", "fair", "poor", "critical")


def condition_share(judged: Iterable[tuple[str, str]], *, tolerance: int = 0) -> Share:
    """The share of (said, true) conditions that lie at most `tolerance` classes apart."""
    pairs = list(judged)
    right = sum(abs(CONDITIONS.index(said) - CONDITIONS.index(true)) <= tolerance for said, true in pairs)
    return Share(_ratio(right, len(pairs)), len(pairs))


def finding(judged: Iterable[tuple[bool, bool]]) -> Finding:
    """Precision and recall of (said, true) pairs."""
    pairs = list(judged)
    hits = sum(said and true for said, true in pairs)
    return Finding(
        _ratio(hits, sum(said for said, _ in pairs)), _ratio(hits, sum(true for _, true in pairs)), len(pairs)
    )


def quality(
    truth: Mapping[str, Mapping[str, Any]],
    parcels: Iterable[Mapping[str, Any]],
    roofs: Iterable[Mapping[str, Any]],
    leads: Iterable[Mapping[str, Any]] = (),
) -> Quality:
    """The quality of what is stored about a town; `truth` is keyed by lot number.

    Suppression is also measured on re-roofs that a permit tells of: the others nobody can know from permits.
    """
    known = [(parcel, truth[parcel["apn"]]) for parcel in parcels if parcel["apn"] in truth]
    roofs_known = [roof for roof in roofs if roof["apn"] in truth]
    judged = [
        (roof["condition"], truth[roof["apn"]]["roof"]["condition"], roof["label"], roof["status"])
        for roof in roofs_known
    ]
    all_roofs = [(said, true) for said, true, _, _ in judged]
    proven = [(said, true) for said, true, label, status in judged if label is None and status in PUBLISHED]
    return Quality(
        condition=condition_share(all_roofs),
        condition_published=condition_share(proven),
        condition_within_one=condition_share(all_roofs, tolerance=1),
        suppression=finding((parcel["suppressed"], bool(so["recently_reroofed"])) for parcel, so in known),
        suppression_with_permit=finding(
            (parcel["suppressed"], bool(so["recently_reroofed"]))
            for parcel, so in known
            if so["reroof_permit_on_file"] or not so["recently_reroofed"]
        ),
        damage=finding(
            pair
            for roof in roofs_known
            if roof["damages"] is not None
            for pair in _damages(roof["damages"], truth[roof["apn"]]["roof"]["damages"])
        ),
        worn=worn(truth, [so for _, so in known], leads),
    )


def worn(
    truth: Mapping[str, Mapping[str, Any]],
    houses: Iterable[Mapping[str, Any]],
    leads: Iterable[Mapping[str, Any]],
) -> Worn:
    """How often published leads truly need work, beside all houses."""
    published = [
        (lead["grade"], is_worn(truth[lead["apn"]]))
        for lead in leads
        if lead["apn"] in truth and lead["status"] in PUBLISHED
    ]
    top = share(so for grade, so in published if grade in TOP_GRADES)
    everywhere = share(is_worn(house) for house in houses)
    return Worn(
        published=share(so for _, so in published),
        top_grades=top,
        parcels=everywhere,
        lift=round(top.value / everywhere.value, 2) if top.value is not None and everywhere.value else None,
    )


def is_worn(so: Mapping[str, Any]) -> bool:
    """Whether a roof truly needs work: its condition is poor or critical, or it is older than its covering lasts there."""
    roof = so["roof"]
    if roof["condition"] in WORN:
        return True
    return bool(roof["age_years"] > expected_life(RoofMaterial(roof["material"]), so["address"]["state"]))


def share(cases: Iterable[bool]) -> Share:
    """The share of cases that are so."""
    known = list(cases)
    return Share(_ratio(sum(known), len(known)), len(known))


def _damages(said: Iterable[str], so: Iterable[Mapping[str, Any]]) -> Iterator[tuple[bool, bool]]:
    named, true = set(said), {SANDBOX_WORDS.get(damage["kind"], damage["kind"]) for damage in so}
    for kind in DAMAGES:
        yield kind in named, kind in true


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
