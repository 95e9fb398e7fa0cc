"""Streets, lots and buildings: where everything stands and what its address is."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shared.sandbox.town.geometry import MetrePoint
from shared.sandbox.town.model import BuildingKind, StreetAddress
from shared.sandbox.town.places import Place
from shared.sandbox.town.words import STREET_NAMES, SUFFIXES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

KINDS: tuple[BuildingKind, ...] = tuple(BuildingKind)
SINGLE, TOWNHOUSE, CONDO, APARTMENTS, MOBILE, COMMERCIAL = range(6)
BLOCK_SHARES: tuple[tuple[int, float], ...] = (
    (TOWNHOUSE, 0.05),
    (CONDO, 0.03),
    (APARTMENTS, 0.03),
    (MOBILE, 0.03),
    (COMMERCIAL, 0.05),
)
LOTS_PER_SIDE = np.array([10, 20, 5, 5, 12, 5])
MEAN_PARCELS_PER_BLOCK = 20
BLOCK_LENGTH_M, LOT_DEPTH_M, STREET_WIDTH_M = 200.0, 36.0, 16.0
COLUMN_PITCH_M, ROW_PITCH_M = BLOCK_LENGTH_M + STREET_WIDTH_M, 2 * LOT_DEPTH_M + STREET_WIDTH_M
SETBACK_M = 7.0
BOX_M = np.array(
    [
        [10.5, 15.5, 9.5, 14.0],
        [10.0, 10.0, 11.0, 13.0],
        [24.0, 32.0, 14.0, 17.0],
        [26.0, 34.0, 14.0, 18.0],
        [13.5, 15.0, 4.6, 6.0],
        [20.0, 34.0, 16.0, 24.0],
    ]
)
"""Building box by kind: width from, to; depth from, to."""
STREET_STYLES, ORDINAL_STYLE, PLAIN_STYLE = 4, 1, 3
QUADRANTS = (("NE", "NW"), ("SE", "SW"))


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of buildings and of parcels (a parcel points to its building)."""

    place: Place
    kind: Ints
    street: Ints
    column: Ints
    number: Ints
    half: Bools
    south_side: Bools
    """The lot lies south of its street."""
    east: Floats
    north: Floats
    lot_width: Floats
    width: Floats
    depth: Floats
    ell: Bools
    stories: Ints
    year_built: Ints
    building: Ints
    unit: Ints
    """Zero where the parcel is the whole building."""

    @property
    def parcels(self) -> int:
        """Number of parcels."""
        return len(self.building)

    def front_bearing(self, building: int) -> float:
        """Compass direction from the building to its street."""
        facing = 0.0 if self.south_side[building] else 180.0
        return (facing + self.place.grid_bearing_deg) % 360.0

    def footprint(self, building: int) -> tuple[MetrePoint, ...]:
        """Outline of the building around its position, counter-clockwise."""
        half_width, half_depth = self.width[building] / 2, self.depth[building] / 2
        ring = [
            (-half_width, -half_depth),
            (half_width, -half_depth),
            (half_width, half_depth),
            (-half_width, half_depth),
        ]
        if self.ell[building]:
            inner_east, inner_north = half_width * 0.15, half_depth * 0.1
            ring[2:3] = [(half_width, inner_north), (inner_east, inner_north), (inner_east, half_depth)]
        return self._turned(building, ring)

    def lot(self, building: int) -> tuple[MetrePoint, ...]:
        """Outline of the lot around the building's position, counter-clockwise."""
        to_front = SETBACK_M + self.depth[building] / 2
        half = self.lot_width[building] / 2
        ring = [
            (-half, -to_front),
            (half, -to_front),
            (half, LOT_DEPTH_M - to_front),
            (-half, LOT_DEPTH_M - to_front),
        ]
        return self._turned(building, ring)

    def street_distance(self, building: int) -> float:
        """Metres from the building's position to the middle of its street."""
        return float(SETBACK_M + self.depth[building] / 2 + STREET_WIDTH_M / 2)

    def moved(self, building: int, along_m: float, up_m: float) -> MetrePoint:
        """A point moved from the building along its street (eastward) and across it (northward), in town metres."""
        turn = math.radians(self.place.grid_bearing_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        east = float(self.east[building]) + along_m * cos + up_m * sin
        return east, float(self.north[building]) + up_m * cos - along_m * sin

    def _turned(self, building: int, ring: list[MetrePoint]) -> tuple[MetrePoint, ...]:
        turn = math.radians(self.place.grid_bearing_deg) + (math.pi if self.south_side[building] else 0.0)
        cos, sin = math.cos(turn), math.sin(turn)
        return tuple(
            (round(float(x * cos + y * sin), 3), round(float(y * cos - x * sin), 3)) for x, y in ring
        )

    def address(self, parcel: int) -> StreetAddress:
        """Postal address of a parcel."""
        building = int(self.building[parcel])
        pre, name, suffix, post = self.street_parts(int(self.street[building]), int(self.column[building]))
        unit_kind, unit = self._unit(building, int(self.unit[parcel]))
        number = f"{self.number[building]} 1/2" if self.half[building] else str(self.number[building])
        return StreetAddress(
            number,
            pre,
            name,
            suffix,
            post,
            unit_kind,
            unit,
            self.place.city.upper(),
            self.place.state,
            self.zip5(building),
        )

    def zip5(self, building: int) -> str:
        """ZIP code: the town is split by its main avenue."""
        return self.place.zips[0 if self.column[building] >= 0 else 1]

    def street_parts(self, street: int, column: int) -> tuple[str, str, str, str]:
        """(predirectional, name, suffix, postdirectional) of a street in a block column."""
        order = 2 * street if street >= 0 else -2 * street - 1
        side = "E" if column >= 0 else "W"
        style = abs(street) % STREET_STYLES
        if style == 0:
            return side, *street_name(order), ""
        if style == ORDINAL_STYLE:
            return "", ordinal(abs(street) // STREET_STYLES + 1), "ST", QUADRANTS[street < 0][column < 0]
        return "", *street_name(order), side if style == 2 else ""

    def _unit(self, building: int, unit: int) -> tuple[str, str]:
        if unit == 0:
            return "", ""
        style = int(self.number[building]) % 3
        if style == 0:
            return "UNIT", str(unit)
        return (
            ("APT", f"{1 + (unit - 1) // 4}{'ABCD'[(unit - 1) % 4]}")
            if style == 1
            else ("#", str(100 + unit))
        )


@cache
def street_name(order: int) -> tuple[str, str]:
    """(name, suffix) of the street with that order; no pair comes twice."""
    name = STREET_NAMES[order % len(STREET_NAMES)]
    if name.startswith(("COUNTY ROAD", "STATE HIGHWAY")):
        return f"{name[:-2]}{int(name[-2:]) + order // len(STREET_NAMES)}", ""
    return name, SUFFIXES[(order // len(STREET_NAMES) * 5 + order) % len(SUFFIXES)]


def ordinal(number: int) -> str:
    """1ST, 2ND, 3RD, 4TH ..."""
    ending = "TH" if 10 <= number % 100 <= 20 else {1: "ST", 2: "ND", 3: "RD"}.get(number % 10, "TH")
    return f"{number}{ending}"


def lay_out(place: Place, parcels: int, rng: np.random.Generator) -> Layout:
    """A street grid holding exactly `parcels` parcels, old in the middle and new at the edge."""
    columns, rows = _blocks(parcels)
    block_kind = _block_kinds(len(columns), rng)
    block, side, lot = _lots(block_kind)
    kind = block_kind[block]
    units = np.where(kind == CONDO, rng.choice([4, 6, 8], len(kind)), 1)
    keep = int(np.searchsorted(np.cumsum(units), parcels)) + 1
    block, side, lot, kind, units = block[:keep], side[:keep], lot[:keep], kind[:keep], units[:keep]
    building = np.repeat(np.arange(keep), units)[:parcels]
    first = np.concatenate([[0], np.cumsum(units)[:-1]])
    unit = np.where(kind[building] == CONDO, np.arange(parcels) - first[building] + 1, 0)
    return _place_buildings(
        place,
        rng,
        column=columns[block],
        row=rows[block],
        side=side,
        lot=lot,
        kind=kind,
        building=building,
        unit=unit,
    )


def _blocks(parcels: int) -> tuple[Ints, Ints]:
    """Block columns and rows, nearest to the middle first."""
    wanted = math.ceil(parcels / MEAN_PARCELS_PER_BLOCK * 1.25) + 4
    reach_rows = math.ceil(math.sqrt(wanted * COLUMN_PITCH_M / ROW_PITCH_M)) // 2 + 2
    reach_columns = math.ceil(math.sqrt(wanted * ROW_PITCH_M / COLUMN_PITCH_M)) // 2 + 2
    column, row = (
        grid.ravel()
        for grid in np.meshgrid(
            np.arange(-reach_columns, reach_columns), np.arange(-reach_rows, reach_rows), indexing="ij"
        )
    )
    distance = np.hypot((column + 0.5) * COLUMN_PITCH_M, (row + 0.5) * ROW_PITCH_M)
    order = np.argsort(distance, kind="stable")[:wanted]
    return column[order], row[order]


def _block_kinds(blocks: int, rng: np.random.Generator) -> Ints:
    """Kind of each block by quota, so that even a small town has some of everything."""
    kinds = np.full(blocks, SINGLE)
    at = 0
    for kind, share in BLOCK_SHARES:
        count = max(1, round(share * blocks))
        kinds[at : at + count] = kind
        at += count
    # A town of a few hundred parcels does not reach its outermost blocks: keep the mix inside.
    inner = max(at, int(blocks * 0.7))
    kinds[:inner] = rng.permutation(kinds[:inner])
    return kinds


def _lots(block_kind: Ints) -> tuple[Ints, Ints, Ints]:
    """(block, side, lot) of every lot; side 0 fronts the street south of it, 1 the street north."""
    per_block = 2 * LOTS_PER_SIDE[block_kind]
    block = np.repeat(np.arange(len(block_kind)), per_block)
    start = np.concatenate([[0], np.cumsum(per_block)[:-1]])
    position = np.arange(len(block)) - start[block]
    per_side = LOTS_PER_SIDE[block_kind][block]
    return block, position // per_side, position % per_side


def _place_buildings(
    place: Place,
    rng: np.random.Generator,
    *,
    column: Ints,
    row: Ints,
    side: Ints,
    lot: Ints,
    kind: Ints,
    building: Ints,
    unit: Ints,
) -> Layout:
    count = len(kind)
    lots = LOTS_PER_SIDE[kind]
    lot_width = BLOCK_LENGTH_M / lots
    box = BOX_M[kind]
    width = np.minimum(
        rng.uniform(box[:, 0], box[:, 1]), np.where(kind == TOWNHOUSE, lot_width, lot_width - 1.5)
    )
    depth = rng.uniform(box[:, 2], box[:, 3])
    south_side = side == 1
    local_east = column * COLUMN_PITCH_M + STREET_WIDTH_M / 2 + (lot + 0.5) * lot_width
    local_east += np.where(kind == TOWNHOUSE, 0.0, rng.uniform(-0.5, 0.5, count))
    from_street = STREET_WIDTH_M / 2 + SETBACK_M + depth / 2
    local_north = np.where(south_side, (row + 1) * ROW_PITCH_M - from_street, row * ROW_PITCH_M + from_street)
    turn = math.radians(place.grid_bearing_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    street = np.where(south_side, row + 1, row)
    return Layout(
        place=place,
        kind=kind,
        street=street,
        column=column,
        number=_house_numbers(street, column, lot, lots, south_side),
        half=(rng.random(count) < 0.004) & (kind == SINGLE),
        south_side=south_side,
        east=local_east * cos + local_north * sin,
        north=local_north * cos - local_east * sin,
        lot_width=lot_width,
        width=width,
        depth=depth,
        ell=(rng.random(count) < 0.35) & (kind == SINGLE),
        stories=_stories(kind, rng),
        year_built=_years_built(place, kind, local_east, local_north, rng),
        building=building,
        unit=unit,
    )


def _house_numbers(street: Ints, column: Ints, lot: Ints, lots: Ints, south_side: Bools) -> Ints:
    """Odd on the north side, even on the south, a hundred a block counted from the main avenue."""
    hundred = np.where(column >= 0, column + 1, -column)
    # A street without a direction in its name counts its numbers through from its western end.
    hundred = np.where(np.abs(street) % STREET_STYLES == PLAIN_STYLE, column - column.min() + 10, hundred)
    number: Ints = 100 * hundred + 2 * (40 // lots) * lot + np.where(south_side, 4, 3)
    return number


def _stories(kind: Ints, rng: np.random.Generator) -> Ints:
    draw = rng.random(len(kind))
    house = np.where(draw < 0.68, 1, 2)
    tall = np.where(draw < 0.5, 2, 3)
    return np.select(
        [kind == SINGLE, kind == TOWNHOUSE, kind == MOBILE, kind == COMMERCIAL],
        [house, np.full(len(kind), 2), np.ones(len(kind), int), np.where(draw < 0.8, 1, 2)],
        tall,
    )


def _years_built(place: Place, kind: Ints, east: Floats, north: Floats, rng: np.random.Generator) -> Ints:
    """Years by distance from the middle; at least one year before the town's day, whatever the day."""
    distance = np.hypot(east, north)
    edge = max(float(distance.max()), 1.0)
    span = 2024 - place.oldest_year
    mean = place.oldest_year + span * (0.30 + 0.62 * distance / edge)
    year = mean + rng.normal(0.0, 11.0, len(distance))
    year = np.where(kind == MOBILE, rng.uniform(1972, 2008, len(distance)), year)
    return np.clip(year, place.oldest_year, 2024).astype(int)
