"""Units of distance on the globe, and the coarse cells that stand for houses nobody may tell apart yet."""

from __future__ import annotations

from typing import Final

METRES_PER_MILE = 1609.344
CELL_DEGREES: Final = 0.005
"""Side of a cell: about 550 m from south to north, 400 to 510 m from west to east in the contiguous states."""
CELL_MIN_HOMES: Final = 5
"""A cell with fewer homes would tell the house (G-57)."""


def cell_of(point: str) -> str:
    """SQL of the centre of the cell that a geography point lies in."""
    half = CELL_DEGREES / 2
    return f"ST_SnapToGrid({point}::geometry, {half}, {half}, {CELL_DEGREES}, {CELL_DEGREES})"


def shared_cell_of(point: str) -> str:
    """SQL of the same centre, NULL where fewer than CELL_MIN_HOMES parcels lie in the cell."""
    return f"""
        (SELECT own.cell FROM (SELECT {cell_of(point)} AS cell) own
          WHERE (SELECT count(*) FROM (
                 SELECT 1 FROM parcels home
                  WHERE home.geom && ST_Expand(own.cell, {CELL_DEGREES / 2})::geography AND {cell_of("home.geom")} = own.cell
                  LIMIT {CELL_MIN_HOMES}) homes) >= {CELL_MIN_HOMES})
    """  # noqa: S608 - numbers of ours and a column's name
