"""The map of leads on sale: a box of it, and leads gathered so that no mark covers another.

A lead stands on the map as the centre of its cell (`shared.db.geo`), never as its house: a box is compared with that
centre alone, so no series of boxes can find out more than the cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.enums import Grade

ACROSS: Final = 4
"""Marks that stand side by side in a box at most."""
HALF: Final = Decimal("0.5")
WIDE_DEGREES: Final = 0.5
"""From this width on a box holds so many leads that walking from the best one is faster than reading all of them."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the map in degrees."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, words: str) -> Box:
        """The box of "west,south,east,north"; ValueError that says what is wrong with any other words."""
        parts = words.split(",")
        try:
            west, south, east, north = (float(part) for part in parts)
        except ValueError:
            raise ValueError("a box is four numbers of degrees: west,south,east,north") from None
        if not (-180 <= west < east <= 180):
            raise ValueError("a box's west is below its east, both from -180 to 180")
        if not (-90 <= south < north <= 90):
            raise ValueError("a box's south is below its north, both from -90 to 90")
        return cls(west, south, east, north)

    @property
    def wide(self) -> bool:
        """Whether the box is wider or higher than WIDE_DEGREES."""
        return max(self.east - self.west, self.north - self.south) > WIDE_DEGREES

    def cells(self, side: Decimal) -> CellBox:
        """The cells of so many degrees whose centres lie in it, its edges included."""

        def first(edge: float) -> int:
            return math.ceil(Decimal(str(edge)) / side - HALF)

        def last(edge: float) -> int:
            return math.floor(Decimal(str(edge)) / side - HALF)

        return CellBox(first(self.west), first(self.south), last(self.east), last(self.north))


@dataclass(frozen=True, slots=True)
class CellBox:
    """The first and last columns and rows of cells, counted from the meridian and the equator; none where last < first."""

    west: int
    south: int
    east: int
    north: int


@dataclass(frozen=True, slots=True)
class Cell:
    """The leads on sale of one cell."""

    lng: float
    lat: float
    leads: int
    lead_id: UUID
    """The best of them."""
    score: int
    price: Decimal
    grade: Grade | None


class Frozen(BaseModel):
    """A part of the map's answer, which holds its fields and nothing else."""

    model_config = ConfigDict(extra="forbid")


class Mark(Frozen):
    """What a mark on the map says: how many leads, the best score and grade, the lowest price."""

    leads: int
    score: int
    price: Decimal
    grade: Grade | None
    lead_id: UUID | None
    """The lead where it is the only one."""


class Place(Frozen):
    """Where a mark stands: longitude, latitude."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class Feature(Frozen):
    """One mark as GeoJSON."""

    type: Literal["Feature"] = "Feature"
    geometry: Place
    properties: Mark


class Town(Frozen):
    """A city that the buyer serves, for the orientation on the map."""

    city: str
    state: str
    lng: float
    lat: float


class MarketMap(Frozen):
    """Marks as GeoJSON, each for a square of so many degrees; `more` where leads were left out behind better ones."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Feature]
    degrees: float
    leads: int
    more: bool
    towns: list[Town]


def side_of_mark(cells: Sequence[Cell], box: Box | None, *, cell_degrees: float) -> float:
    """Side of the square that gets one mark: a power of two of cells, the larger the wider the box is."""
    if box:
        width = max(box.east - box.west, box.north - box.south)
    else:
        lngs, lats = [cell.lng for cell in cells], [cell.lat for cell in cells]
        width = max(max(lngs) - min(lngs), max(lats) - min(lats)) if cells else 0.0
    wanted = width / ACROSS / cell_degrees
    return cell_degrees * 2 ** math.ceil(math.log2(wanted)) if wanted > 1 else cell_degrees


def gathered(cells: Iterable[Cell], side: float) -> list[Feature]:
    """One mark for the cells of each square, in the middle of the square: no mark covers another."""
    groups: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((math.floor(cell.lng / side), math.floor(cell.lat / side)), []).append(cell)
    return [_feature(square, side, group) for square, group in groups.items()]


def _feature(square: tuple[int, int], side: float, group: list[Cell]) -> Feature:
    leads = sum(cell.leads for cell in group)
    best = max(group, key=lambda cell: cell.score)
    lng, lat = ((part + 0.5) * side for part in square)
    return Feature(
        geometry=Place(coordinates=(round(lng, 5), round(lat, 5))),
        properties=Mark(
            leads=leads,
            score=best.score,
            price=min(cell.price for cell in group),
            grade=min((cell.grade for cell in group if cell.grade), default=None),
            lead_id=best.lead_id if leads == 1 else None,
        ),
    )
