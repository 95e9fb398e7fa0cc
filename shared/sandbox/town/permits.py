"""Thirty years of permits: most re-roofs, and everything else that has the word roof in it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.sandbox.town.layout import CONDO, Bools, Floats, Ints, Layout
from shared.sandbox.town.model import Material
from shared.sandbox.town.permit_kinds import NEW_BUILDING, PERMIT_KINDS, REROOF, REROOF_DROPPED, ROOF_REPAIR
from shared.sandbox.town.roofs import DAYS_PER_YEAR, MATERIALS, Roofs
from shared.sandbox.town.words import (
    BUILDER_TAILS,
    COMPANY_WORDS,
    FIRST_NAMES,
    LAST_NAMES,
    ROOFER_TAILS,
    TRADE_TAILS,
)

Column = NDArray[Any]

HISTORY_DAYS = int(30 * DAYS_PER_YEAR)
REROOF_COVERAGE = 0.85
"""Share of true roof replacements that left a permit."""
DISTRACTORS_PER_BUILDING = 1.7
STATUSES = ("Final", "Active", "Expired", "Withdrawn", "VOID", "")
FINAL, ACTIVE, EXPIRED, WITHDRAWN, VOID, UNSTATED = range(6)
ADDRESS_STYLES = ("plain", "long", "title", "spaced", "no_direction", "blank")
ADDRESS_CHANCES = (0.80, 0.08, 0.06, 0.03, 0.02, 0.01)


@dataclass(frozen=True, slots=True)
class Contractor:
    """A firm that files permits in the town."""

    name: str
    person: str
    trade: str
    phone: str
    licence: str


@dataclass(frozen=True, slots=True)
class Permits:
    """Columns of permits, oldest first; amended rows come again later with the same number."""

    parcel: Ints
    kind: Ints
    text: Ints
    squares: Ints
    issued_age_days: Ints
    applied_age_days: Ints
    completed_age_days: Ints
    """-1 when the work is not completed."""
    updated_age_days: Ints
    status: Ints
    value: Floats
    """NaN when not stated."""
    contractor: Ints
    """-1 when not stated."""
    number: Ints
    """yyyy * 1,000,000 + running number."""
    jurisdiction: Ints
    """0 the city, 1 its surroundings, which number their permits themselves."""
    address_style: Ints
    with_zip: Bools
    with_apn: Bools
    material: Ints
    """Covering laid by a re-roof, -1 otherwise."""
    contractors: tuple[Contractor, ...]

    def __len__(self) -> int:
        return len(self.parcel)

    def description(self, row: int) -> str:
        """Free text of a permit."""
        kind = PERMIT_KINDS[int(self.kind[row])]
        text = kind.texts[int(self.text[row]) % len(kind.texts)].format(squares=int(self.squares[row]))
        if self.material[row] < 0 or self.text[row] % 4 != 1:
            return text
        return f"{text}, {_MATERIAL_WORDS[MATERIALS[self.material[row]]]}"


_MATERIAL_WORDS: dict[Material, str] = {material: material.value.replace("_", " ") for material in MATERIALS}


def make_contractors(rng: np.random.Generator, per_trade: int = 14) -> tuple[Contractor, ...]:
    """Firms of the town, each with its trade."""
    firms: list[Contractor] = []
    for trade, tails in (("roofer", ROOFER_TAILS), ("builder", BUILDER_TAILS), ("trade", TRADE_TAILS)):
        words = rng.permutation(len(COMPANY_WORDS))[:per_trade]
        for order, word in enumerate(words):
            person = f"{FIRST_NAMES[int(rng.integers(0, 60))]} {LAST_NAMES[int(rng.integers(0, 100))]}"
            firms.append(
                Contractor(
                    f"{COMPANY_WORDS[word]} {tails[order % len(tails)]}".title(),
                    person.title(),
                    trade,
                    f"+1325555{100 + len(firms):04d}"[:12],
                    f"L{int(rng.integers(10_000, 99_999))}",
                )
            )
    return tuple(firms)


def make_permits(layout: Layout, roofs: Roofs, as_of: date, rng: np.random.Generator) -> Permits:
    """Permits for most roof replacements and for all the work that is none."""
    first_parcel = np.searchsorted(layout.building, np.arange(len(layout.kind)))
    building, kind, age = _events(layout, roofs, rng)
    count = len(building)
    parcel = first_parcel[building]
    roof_work = np.isin(kind, (REROOF, REROOF_DROPPED, ROOF_REPAIR, NEW_BUILDING))
    in_unit = (layout.kind[building] == CONDO) & ~roof_work
    units = np.bincount(layout.building, minlength=len(layout.kind))[building]
    parcel = np.where(in_unit, parcel + rng.integers(0, 1_000_000, count) % units, parcel)
    material = np.full(count, -1)
    reroof = np.nonzero(kind == REROOF)[0]
    material[reroof] = roofs.material[building[reroof]]
    columns = _columns(parcel, kind, age, material, rng)
    columns["number"], columns["jurisdiction"] = _numbers(columns["issued_age_days"], as_of, rng)
    columns = _amended(columns, rng)
    contractors = make_contractors(rng)
    columns["contractor"] = _contractor_codes(columns["kind"], contractors, rng)
    return Permits(
        **{name: columns[name].astype(np.int64) for name in _INTEGER_COLUMNS},
        value=columns["value"],
        with_zip=columns["with_zip"].astype(bool),
        with_apn=columns["with_apn"].astype(bool),
        contractors=contractors,
    )


_INTEGER_COLUMNS = (
    "parcel",
    "kind",
    "text",
    "squares",
    "issued_age_days",
    "applied_age_days",
    "completed_age_days",
    "updated_age_days",
    "status",
    "contractor",
    "number",
    "jurisdiction",
    "address_style",
    "material",
)


def _events(layout: Layout, roofs: Roofs, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """(building, kind, age in days) of everything that was permitted, oldest first."""
    known = (roofs.replaced_age_days < HISTORY_DAYS) & (
        rng.random(len(roofs.replaced_building)) < REROOF_COVERAGE
    )
    built_age = np.where(roofs.original, roofs.age_days, HISTORY_DAYS + 1)
    new = np.nonzero(built_age < HISTORY_DAYS)[0]
    number = rng.poisson(DISTRACTORS_PER_BUILDING, len(layout.kind))
    other = np.repeat(np.arange(len(layout.kind)), number)
    weights = np.array([kind.weight for kind in PERMIT_KINDS])
    other_kind = rng.choice(len(PERMIT_KINDS), len(other), p=weights / weights.sum())
    standing = np.where(roofs.original, roofs.age_days, HISTORY_DAYS)
    other_age = (rng.random(len(other)) * np.minimum(standing[other], HISTORY_DAYS)).astype(int) + 1
    building = np.concatenate([roofs.replaced_building[known], new, other])
    kind = np.concatenate([np.full(int(known.sum()), REROOF), np.full(len(new), NEW_BUILDING), other_kind])
    age = np.concatenate([roofs.replaced_age_days[known], built_age[new] + 150, other_age])
    order = np.argsort(-age, kind="stable")
    return building[order], kind[order], age[order]


def _columns(
    parcel: Ints, kind: Ints, age: Ints, material: Ints, rng: np.random.Generator
) -> dict[str, Column]:
    """The paper trail of each event: `age` is the day of the work itself."""
    count = len(parcel)
    issued = age + rng.integers(0, 9, count)
    completed = np.maximum(age - rng.integers(0, 6, count) - np.where(kind == REROOF, 0, 20), -1)
    status = np.where(completed >= 0, FINAL, ACTIVE)
    draw = rng.random(count)
    status = np.where((draw < 0.04) & (age > 180), EXPIRED, status)
    status = np.where(draw > 0.96, UNSTATED, status)
    dropped = kind == REROOF_DROPPED
    status = np.where(dropped, np.where(draw < 0.5, WITHDRAWN, VOID), status)
    completed = np.where(status == FINAL, completed, -1)
    low = np.array([k.cost[0] for k in PERMIT_KINDS])[kind]
    high = np.array([k.cost[1] for k in PERMIT_KINDS])[kind]
    value = np.round(rng.uniform(low, high) / 50) * 50
    odd = rng.random(count)
    value = np.select([odd < 0.07, odd < 0.10, odd < 0.11], [np.nan, 0.0, 1.0], value)
    return {
        "parcel": parcel,
        "kind": kind,
        "text": rng.integers(0, 5040, count),
        "squares": rng.integers(9, 44, count),
        "issued_age_days": issued,
        "applied_age_days": issued + rng.integers(0, 21, count),
        "completed_age_days": completed,
        "updated_age_days": np.where(completed >= 0, completed, issued),
        "status": status,
        "value": value,
        "address_style": rng.choice(len(ADDRESS_STYLES), count, p=ADDRESS_CHANCES),
        "with_zip": rng.random(count) < 0.9,
        "with_apn": rng.random(count) < 0.7,
        "material": material,
    }


def _numbers(issued_age: Column, as_of: date, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """(number, jurisdiction): the neighbours of the city use some of the same numbers."""
    oldest = as_of - timedelta(days=int(issued_age.max()) + 1) if len(issued_age) else as_of
    days = np.datetime64(as_of, "D") - issued_age.astype(int)
    years = days.astype("datetime64[Y]").astype(int) + 1970
    running = np.arange(len(issued_age)) * 3 + 1_000
    first = np.searchsorted(years, np.arange(oldest.year, as_of.year + 1))
    starts = np.zeros(as_of.year + 2 - oldest.year, dtype=int)
    starts[: len(first)] = running[np.minimum(first, len(running) - 1)]
    number = years * 1_000_000 + 1_000 + running - starts[years - oldest.year]
    outside = rng.random(len(number)) < 0.006
    outside[0] = False
    outside[1:] &= ~outside[:-1]
    previous = np.nonzero(outside)[0] - 1
    number[outside] = number[previous]
    return number, outside.astype(int)


def _amended(columns: dict[str, Column], rng: np.random.Generator) -> dict[str, Column]:
    """One row in a hundred is filed again with another value and a later change date."""
    count = len(columns["parcel"])
    chosen = np.nonzero(
        (rng.random(count) < 0.01) & (columns["updated_age_days"] > 20) & (columns["jurisdiction"] == 0)
    )[0]
    again = {name: column[chosen].copy() for name, column in columns.items()}
    again["value"] = np.round(np.nan_to_num(again["value"], nan=9_000.0) * 1.15 / 50) * 50
    again["updated_age_days"] = again["updated_age_days"] - rng.integers(1, 20, len(chosen))
    return {name: np.concatenate([column, again[name]]) for name, column in columns.items()}


def _contractor_codes(kind: Column, contractors: tuple[Contractor, ...], rng: np.random.Generator) -> Ints:
    """A firm of the right trade for each permit; one in eight names none."""
    codes = np.full(len(kind), -1)
    trades = np.array([PERMIT_KINDS[int(k)].trade for k in range(len(PERMIT_KINDS))])[kind.astype(int)]
    for trade in ("roofer", "builder", "trade"):
        firms = np.array([code for code, firm in enumerate(contractors) if firm.trade == trade])
        rows = np.nonzero(trades == trade)[0]
        # A few firms do most of the work.
        codes[rows] = firms[
            np.minimum((rng.exponential(0.25, len(rows)) * len(firms)).astype(int), len(firms) - 1)
        ]
    codes[rng.random(len(kind)) < 0.12] = -1
    return codes
