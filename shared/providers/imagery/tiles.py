"""Tiles of a pyramid: which zoom to take, what is a tile, and the picture that they make."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

from shared.providers.imagery import SPANS_M, Mosaic
from shared.providers.imagery.mercator import TILE_PX, TileCover, zoom_of
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.schemas.enums import ImageLevel
from shared.schemas.geo import GeoPoint

TILE_TYPES: Final = ("image/jpeg", "image/png")
MOST_TILES_A_SIDE: Final = 4
FINER: Final = 0.3
"""Of a zoom: a pixel may show a fifth less ground than the camera's did, for half as much would be invented."""


def zoom_for(at: GeoPoint, native_m: float, level: ImageLevel, *, finest: int) -> int:
    """The zoom that shows what the camera saw, hardly finer than that, as far as the level's tiles stay few."""
    native = math.floor(zoom_of(at.lat, native_m) + FINER)
    affordable = math.floor(zoom_of(at.lat, SPANS_M[level] / (TILE_PX * (MOST_TILES_A_SIDE - 1))))
    return min(native, affordable, finest)


async def fetch_tiles(place: TileCover, fetch: Callable[[int, int], Awaitable[bytes]]) -> Mosaic:
    """The tiles by (column, row), one after the other: the first that fails ends what is paid for."""
    rows = [tuple([await fetch(column, row) for column in place.columns]) for row in place.rows]
    return Mosaic(tuple(rows), place.left, place.top, place.side)


def judge_tile(answer: Answer) -> Verdict:
    """A picture, and nothing else, is what was asked and paid for; a hole in the coverage is a refusal."""
    verdict = judge_by_status(answer)
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    if verdict.outcome is Outcome.NOT_FOUND:
        return Verdict(Outcome.INVALID, message="no tile at this place")
    if verdict.outcome is Outcome.OK and kind not in TILE_TYPES:
        return Verdict(Outcome.BAD_ANSWER, message=f"a tile was promised, {kind[:60]} came")
    return verdict
