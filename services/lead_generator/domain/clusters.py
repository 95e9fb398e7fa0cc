"""Neighbouring leads that one crew can work together, found on arrays (S4-3.5.4).

Density first (DBSCAN, as scikit-learn labels it), then every dense region is cut into clusters small enough to own. Two
points of a square whose diagonal is the reach are always neighbours, so a square that holds enough points settles all of
them at once: no list of neighbours is ever built, however dense a city is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.db.geo import METRES_PER_MILE

EARTH_M: Final = 6_371_008.8
NOISE: Final = -1
NEARBY: Final = 2
"""Squares each way in which a neighbour can lie."""
SOME: Final = 64
PAIRS_AT_ONCE: Final = 4_000_000

Points = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """What a cluster may be."""

    reach_miles: float = 2.0
    """From its centre to its farthest lead, and between dense neighbours."""
    least: int = 10
    most: int = 100
    filled: float = 0.8
    """Share of `most` that a cut fills: the rest is room for the leads of the week."""

    @property
    def reach_m(self) -> float:
        """The reach in metres."""
        return self.reach_miles * METRES_PER_MILE


def clusters_of(lat: Points, lng: Points, rules: ClusterRules) -> Labels:
    """Number of every lead's cluster from 0 on, NOISE for what belongs to none.

    lat and lng are degrees. Every cluster holds `least` to `most` leads, none farther than the reach from their mean
    point; a lead stays out only where no such cluster has room for it.
    """
    points = plane(lat, lng)
    density = dense_regions(points, rules.reach_m, rules.least)
    labels = np.full(len(points), NOISE, np.int64)
    number = 0
    for region in members_of(density):
        for part in parted(points, region, rules):
            labels[part] = number
            number += 1
    _take_in(points, labels, number, rules)
    return labels


def plane(lat: Points, lng: Points) -> Points:
    """Metres east and north of the leads' middle, n by 2; true to 0.5 % within 30 miles of it."""
    if not len(lat):
        return np.zeros((0, 2))
    middle = np.array((lng.mean(), lat.mean()))
    metres = np.radians(1.0) * EARTH_M * np.array((np.cos(np.radians(middle[1])), 1.0))
    return np.asarray((np.column_stack((lng, lat)) - middle) * metres, np.float64)


def members_of(labels: Labels) -> Iterator[Labels]:
    """Places of every label's members, in the labels' order; noise is left out."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(0, labels.max(initial=NOISE) + 2))
    for first, end in pairwise(starts):
        yield order[first:end]


# ---------------------------------------------------------------------------------------------- density


def dense_regions(points: Points, reach: float, least: int) -> Labels:
    """DBSCAN's labels: points with `least` neighbours within the reach (themselves included) and what is near them.

    A point near two regions that has too few neighbours of its own falls to the lower number; regions are numbered by
    their first dense point. points are n by 2, in the reach's unit.
    """
    grid = _Grid.over(points, reach / np.sqrt(2.0))
    core = _core(points, grid, reach, least)
    region_of_square = _joined(points, grid, core, reach)
    labels = np.full(len(points), NOISE, np.int64)
    labels[core] = _by_first(region_of_square[grid.square_of][core])
    _edges(points, grid, core, labels, reach)
    return labels


@dataclass(frozen=True, slots=True)
class _Grid:
    """Points by the square they lie in."""

    keys: Labels
    """Column and row of the occupied squares as one sorted number each."""
    order: Labels
    starts: Labels
    """The points of square s are order[starts[s]:starts[s + 1]]."""
    square_of: Labels
    rows: int

    @classmethod
    def over(cls, points: Points, side: float) -> _Grid:
        cells = (
            np.floor((points - points.min(axis=0)) / side).astype(np.int64) + NEARBY
            if len(points)
            else np.zeros((0, 2), np.int64)
        )
        rows = int(cells[:, 1].max(initial=0)) + 2 * NEARBY + 1
        keys, square_of = np.unique(cells[:, 0] * rows + cells[:, 1], return_inverse=True)
        order = np.argsort(square_of, kind="stable")
        starts = np.searchsorted(square_of[order], np.arange(len(keys) + 1))
        return cls(keys, order, starts, square_of, rows)

    def inside(self, square: int) -> Labels:
        return self.order[self.starts[square] : self.starts[square + 1]]

    def near(self, square: int, *, later: bool = False) -> Labels:
        """Occupied squares in which neighbours can lie, itself left out; `later` gives each pair once."""
        steps = np.arange(-NEARBY, NEARBY + 1)
        shifts = (steps[:, None] * self.rows + steps[None, :]).ravel()
        wanted = self.keys[square] + shifts[shifts > 0 if later else shifts != 0]
        at = np.searchsorted(self.keys, wanted)
        at[at == len(self.keys)] = 0
        return np.asarray(at[self.keys[at] == wanted], np.int64)


def _core(points: Points, grid: _Grid, reach: float, least: int) -> NDArray[np.bool_]:
    """Which points have enough neighbours; only squares with few points need to look at others."""
    sizes = np.diff(grid.starts)
    core = (sizes >= least)[grid.square_of]
    for square in np.flatnonzero(sizes < least).tolist():
        own, near = grid.inside(square), grid.near(square)
        counts = np.full(len(own), len(own))
        for other in near:
            counts += (_distances(points[own], points[grid.inside(other)]) <= reach).sum(axis=1)
        core[own] = counts >= least
    return core


def _joined(points: Points, grid: _Grid, core: NDArray[np.bool_], reach: float) -> Labels:
    """A number for every square, the same for squares whose dense points are neighbours in the end."""
    parent = np.arange(len(grid.keys))

    def root(square: int) -> int:
        while parent[square] != square:
            parent[square] = parent[parent[square]]
            square = int(parent[square])
        return square

    dense = [own[core[own]] for own in map(grid.inside, range(len(grid.keys)))]
    for square in range(len(grid.keys)):
        for other in grid.near(square, later=True) if len(dense[square]) else ():
            ours, theirs = root(square), root(int(other))
            if ours != theirs and _touch(points[dense[square]], points[dense[other]], reach):
                parent[max(ours, theirs)] = min(ours, theirs)
    return np.array([root(square) for square in range(len(grid.keys))], np.int64)


def _touch(ours: Points, theirs: Points, reach: float) -> bool:
    """Whether a point of one lies within reach of a point of the other; the likeliest are tried first."""
    if not len(ours) or not len(theirs):
        return False
    near = ours[np.argsort(_to_box(ours, theirs), kind="stable")]
    far = theirs[np.argsort(_to_box(theirs, ours), kind="stable")]
    if (_distances(near[:SOME], far[:SOME]) <= reach).any():
        return True
    near, far = near[_to_box(near, theirs) <= reach], far[_to_box(far, ours) <= reach]
    step = max(1, PAIRS_AT_ONCE // max(1, len(far)))
    return any(
        bool((_distances(near[start : start + step], far) <= reach).any())
        for start in range(0, len(near), step)
    )


def _to_box(points: Points, others: Points) -> Points:
    """Distance from each point to the box around the others."""
    low, high = others.min(axis=0), others.max(axis=0)
    away = np.maximum(np.maximum(low - points, points - high), 0.0)
    return np.asarray(np.hypot(away[:, 0], away[:, 1]), np.float64)


def _edges(points: Points, grid: _Grid, core: NDArray[np.bool_], labels: Labels, reach: float) -> None:
    """Points that are not dense fall to the lowest region one of whose dense points they can reach."""
    found = labels.copy()
    loose = np.flatnonzero(~core)
    for square in np.unique(grid.square_of[loose]):
        own = grid.inside(square)
        own = own[~core[own]]
        near = np.concatenate([grid.inside(other) for other in (square, *grid.near(square))])
        near = near[core[near]]
        for point in own:
            reached = near[_distances(points[[point]], points[near])[0] <= reach]
            found[point] = labels[reached].min(initial=np.iinfo(np.int64).max) if len(reached) else NOISE
    labels[:] = found


def _by_first(regions: Labels) -> Labels:
    """Regions numbered by where each comes first."""
    _, first, number = np.unique(regions, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return np.asarray(place[number], np.int64)


def _distances(ours: Points, theirs: Points) -> Points:
    away = ours[:, None, :] - theirs[None, :, :]
    return np.asarray(np.sqrt((away**2).sum(axis=2)), np.float64)


# ---------------------------------------------------------------------------------------------- cutting


def parted(points: Points, region: Labels, rules: ClusterRules) -> Iterator[Labels]:
    """The region cut across its longer side until every part is small enough; what is too thin for a cluster is dropped."""
    waiting = [region]
    while waiting:
        part = waiting.pop()
        if len(part) < rules.least:
            continue
        if len(part) <= rules.most and radius_of(points[part]) <= rules.reach_m:
            yield part
        elif len(part) < 2 * rules.least:
            waiting.append(_without_farthest(points, part))
        else:
            waiting.extend(_halves(points, part, rules))


def radius_of(points: Points) -> float:
    """From their mean to the farthest."""
    return float(np.hypot(*(points - points.mean(axis=0)).T).max())


def _without_farthest(points: Points, part: Labels) -> Labels:
    away = np.hypot(*(points[part] - np.median(points[part], axis=0)).T)
    return np.asarray(np.delete(part, int(np.argmax(away))), np.int64)


def _halves(points: Points, part: Labels, rules: ClusterRules) -> tuple[Labels, Labels]:
    """Across the longer side: too many by number, so that parts fill evenly; too wide ones at the widest gap."""
    own = points[part]
    axis = int(np.argmax(np.ptp(own, axis=0)))
    order = part[np.argsort(own[:, axis], kind="stable")]
    clusters = -(-len(part) // max(2 * rules.least, int(rules.most * rules.filled)))
    if len(part) <= rules.most:
        gaps = np.diff(points[order, axis])[rules.least - 1 : len(part) - rules.least]
        cut = rules.least + int(np.argmax(gaps))
    else:
        cut = len(part) * (clusters // 2) // clusters
    return order[:cut], order[cut:]


def _take_in(points: Points, labels: Labels, count: int, rules: ClusterRules) -> None:
    """Leads in no cluster join the nearest one that has room and stays within its reach."""
    if not count:
        return
    centres = np.array([points[members].mean(axis=0) for members in members_of(labels)])
    loose = np.flatnonzero(labels == NOISE)
    for start in range(0, len(loose), PAIRS_AT_ONCE // max(1, count) or 1):
        some = loose[start : start + (PAIRS_AT_ONCE // max(1, count) or 1)]
        away = _distances(points[some], centres)
        rows, columns = np.nonzero(away <= rules.reach_m)
        for at in np.argsort(away[rows, columns], kind="stable"):
            point, cluster = some[rows[at]], columns[at]
            if labels[point] != NOISE:
                continue
            members = np.append(np.flatnonzero(labels == cluster), point)
            if len(members) <= rules.most and radius_of(points[members]) <= rules.reach_m:
                labels[point] = cluster


# ---------------------------------------------------------------------------------------------- keeping names


def kept_names(before: Labels, after: Labels) -> dict[int, int]:
    """New cluster to old one, by most shared leads first, each old one once; NOISE on either side shares nothing."""
    both = (before != NOISE) & (after != NOISE)
    pairs, shared = np.unique(np.column_stack((after[both], before[both])), axis=0, return_counts=True)
    names: dict[int, int] = {}
    taken: set[int] = set()
    for at in np.lexsort((pairs[:, 1], pairs[:, 0], -shared)):
        new, old = int(pairs[at, 0]), int(pairs[at, 1])
        if new not in names and old not in taken:
            names[new] = old
            taken.add(old)
    return names
