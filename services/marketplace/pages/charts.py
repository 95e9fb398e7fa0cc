"""Bars for charts that are drawn on the server: places and heights, no script and no style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 160
GAP_SHARE: Final = 0.3
"""How much of a group's width stays empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in a picture of WIDTH by HEIGHT; `value` is what it stands for."""

    x: float
    y: float
    width: float
    height: float
    value: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bars side by side under one name, which stands at `middle`."""

    name: str
    middle: float
    first: Bar
    second: Bar


@dataclass(frozen=True, slots=True)
class Pairs:
    """A chart of pairs; `most` is the value of the highest bar."""

    pairs: list[Pair]
    most: int


def pairs(values: Sequence[tuple[str, int, int]]) -> Pairs:
    """Pairs of bars on one scale, from left to right; bars of nothing have no height."""
    most = max((max(first, second) for _, first, second in values), default=0)
    step = WIDTH / max(len(values), 1)
    width = round(step * (1 - GAP_SHARE) / 2, 2)
    found = []
    for place, (name, first, second) in enumerate(values):
        left = place * step + step * GAP_SHARE / 2
        bars = (_bar(left, width, first, most), _bar(left + width, width, second, most))
        found.append(Pair(name, round(place * step + step / 2, 2), *bars))
    return Pairs(found, most)


def _bar(left: float, width: float, value: int, most: int) -> Bar:
    height = round(HEIGHT * value / most, 2) if most else 0.0
    return Bar(round(left, 2), round(HEIGHT - height, 2), width, height, value)
