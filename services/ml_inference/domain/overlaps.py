"""How much of the roof a damage's box covers, by their outlines."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import Polygon as Area
from shapely import box as rectangle
from shapely import make_valid, union_all
from shapely.geometry.base import BaseGeometry

from shared.schemas.roof_evidence import Box

Outlines = Sequence[Sequence[tuple[float, float]]]


def covered(box: Box, roof: Outlines, damaged: Outlines) -> float:
    """The damaged share of the roof inside the box; where no damage is outlined there, all of the roof inside it.

    Without a roof's outline the box's share of the picture stands for it.
    """
    whole = _joined(roof)
    if whole.is_empty:
        return box.area
    inside = rectangle(box.left, box.top, box.right, box.bottom)
    part = _joined(damaged).intersection(inside)
    if part.is_empty:
        part = whole.intersection(inside)
    return min(1.0, float(part.area / whole.area))


def _joined(outlines: Outlines) -> BaseGeometry:
    return union_all([make_valid(Area(outline)) for outline in outlines])
