"""How much ground a picture from above shows, in its key and in the choice of what to fetch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.schemas.enums import ImageLevel


def at_level(key: str, level: ImageLevel) -> str:
    """The key of another level's picture; the roof's is the view's own."""
    stem, dot, extension = key.rpartition(".")
    return key if level is ImageLevel.ROOF else f"{stem}_{level.value}{dot}{extension}"


def further_levels(wanted: Collection[ImageLevel], offered: Collection[ImageLevel]) -> Sequence[ImageLevel]:
    """The levels to fetch beside the roof, nearest first."""
    return [
        level for level in ImageLevel if level is not ImageLevel.ROOF and level in wanted and level in offered
    ]
