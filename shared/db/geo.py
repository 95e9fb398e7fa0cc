"""Spatial helpers, so that every radius search uses ST_DWithin and the GiST index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

METRES_PER_MILE = 1609.344


def within_miles(column: Any, point: Any, miles: float) -> ColumnElement[bool]:
    """True where the geography column lies within `miles` of the point."""
    return func.ST_DWithin(column, point, miles * METRES_PER_MILE)
