"""The way from door to door of the leads a buyer has not finished: which comes next, and what is said at each.

Our rules of contact speak of calls, texts, e-mail, letters and what is said; of knocking they say only that a state of
emergency may suspend soliciting. They have no list of doors not to knock at and no town's permits to solicit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Final
from uuid import UUID

from services.marketplace.domain.contact_terms import Channel
from services.marketplace.domain.outcomes import FOLLOWS
from services.marketplace.domain.sold_lead import View
from shared.schemas.enums import ContactMethod, Grade
from shared.schemas.sale_enums import LostReason, SaleOutcome

MOST_STOPS: Final = 60
"""More doors than anybody knocks at in a day, and few enough to be put in order at once."""
EARTH_MILES: Final = 3958.8
SMALLEST_GAIN: Final = 1e-9
"""A change that saves less is rounding."""
FINISHED: Final = frozenset({SaleOutcome.WON, SaleOutcome.LOST})
"""After these nobody goes there again."""
HOUSE_NUMBER: Final = re.compile(r"^\d\S*\s+")
DOOR_RULES: Final = (
    "Ridgeline has no do-not-knock list and does not know which town asks for a permit to solicit: ask the town first, "
    "and pass by where a sign says no. A state of emergency may suspend soliciting. The marks below are about calls, texts, "
    "e-mail and letters, not about the door."
)


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the globe."""

    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Quick:
    """What one button at a door reports."""

    title: str
    outcome: SaleOutcome
    method: ContactMethod | None = None
    lost_reason: LostReason | None = None

    @property
    def after(self) -> tuple[str, ...]:
        """What must have been reported last for it to be possible; "none" where nothing was."""
        return tuple(last or "none" for last, allowed in FOLLOWS.items() if self.outcome in allowed)


QUICK: Final[Mapping[str, Quick]] = {
    "nobody": Quick("Nobody home", SaleOutcome.ATTEMPTED, method=ContactMethod.IN_PERSON),
    "talked": Quick("Talked to the owner", SaleOutcome.CONTACTED, method=ContactMethod.IN_PERSON),
    "appointment": Quick("Appointment made", SaleOutcome.APPOINTMENT),
    "not-interested": Quick("Not interested", SaleOutcome.LOST, lost_reason=LostReason.NOT_INTERESTED),
    "no-work": Quick("No work needed", SaleOutcome.LOST, lost_reason=LostReason.NO_WORK_NEEDED),
}
"""What can be said by one touch; what needs an amount is reported on the lead's own page."""


class Badge(View):
    """Whether a way to the owner is open, in words."""

    state: str
    words: str
    why: str | None


class Stop(View):
    """One door of the way; neither the owner's name nor a number or address of theirs stands in it."""

    sale_id: UUID
    address: str
    street: str
    city: str
    state: str
    zip: str | None
    grade: Grade | None
    score: int | None
    lat: float | None
    lng: float | None
    miles: float | None = None
    """From the stop before, as the crow flies; None at the first one and without a position."""
    storm_at: datetime | None
    may: list[Badge]
    last: SaleOutcome | None
    earliest: datetime
    """No report of this lead can be of an earlier time."""


class Canvass(View):
    """The way: its stops in order, and how many leads are not on it."""

    stops: list[Stop]
    miles: float
    withheld: int
    """Leads that may not be shown any more."""
    further: int
    """Unfinished leads beyond MOST_STOPS, all further away than these."""


def badge(channel: Channel) -> Badge:
    """A channel without what it leads to."""
    return Badge(state=channel.state, words=channel.words, why=channel.why)


def miles_between(one: Point, other: Point) -> float:
    """The distance as the crow flies, in miles."""
    south, north = radians(one.lat), radians(other.lat)
    rise, turn = sin((north - south) / 2) ** 2, sin(radians(other.lng - one.lng) / 2) ** 2
    return 2 * EARTH_MILES * asin(min(1.0, sqrt(rise + cos(south) * cos(north) * turn)))


def street_of(address: str) -> str:
    """The street of a house: its address without the number in front."""
    return HOUSE_NUMBER.sub("", address.strip()) or address.strip()


def route(stops: Sequence[Stop], start: Point | None = None) -> list[Stop]:
    """The stops in an order to go them: from `start` or else the first one, each once, never longer than as given.

    Each time the nearest is next, of equally near ones the better score; then crossings are undone (2-opt), in this order
    and in the given one, and the shorter way is taken. What has no position comes last, as given.
    """
    placed = [stop for stop in stops if _point(stop) is not None]
    points = [*([start] if start else []), *filter(None, map(_point, placed))]
    if not points:
        return list(stops)
    between = [[miles_between(one, other) for other in points] for one in points]
    ahead = 1 if start else 0
    scores = [0] * ahead + [stop.score or 0 for stop in placed]
    ways = (_uncrossed(way, between) for way in (_nearest(between, scores), range(len(points))))
    order = min(ways, key=lambda way: _length(way, between))
    there = [placed[place - ahead] for place in order if place >= ahead]
    return [*_with_miles(there, start), *(stop for stop in stops if _point(stop) is None)]


def length_miles(stops: Sequence[Stop], start: Point | None = None) -> float:
    """How long a way is as the crow flies."""
    points = [*([start] if start else []), *filter(None, map(_point, stops))]
    return sum(miles_between(one, other) for one, other in pairwise(points))


def by_street(stops: Sequence[Stop]) -> list[tuple[str, list[Stop]]]:
    """The way street by street; one that it comes back to stands there again."""
    return [
        (street, list(group)) for street, group in groupby(stops, lambda stop: f"{stop.street}, {stop.city}")
    ]


def _point(stop: Stop) -> Point | None:
    return None if stop.lat is None or stop.lng is None else Point(stop.lat, stop.lng)


def _with_miles(stops: Sequence[Stop], start: Point | None) -> list[Stop]:
    """The stops, each with its distance from the one before."""
    befores = [start, *map(_point, stops)]
    found = []
    for before, stop in zip(befores, stops, strict=False):
        here = _point(stop)
        miles = miles_between(before, here) if before and here else None
        found.append(stop.model_copy(update={"miles": miles}))
    return found


def _nearest(between: Sequence[Sequence[float]], scores: Sequence[int]) -> list[int]:
    """Always on to the nearest place, the better score first where two are equally near."""
    order, left = [0], set(range(1, len(between)))
    while left:
        legs = between[order[-1]]
        following = min(left, key=lambda place: (round(legs[place], 6), -scores[place], place))
        order.append(following)
        left.remove(following)
    return order


def _uncrossed(order: Sequence[int], between: Sequence[Sequence[float]]) -> list[int]:
    """The way with every part turned round whose turn makes it shorter; its beginning stays."""
    way, improved = list(order), True
    while improved:
        improved = False
        for first in range(1, len(way) - 1):
            for last in range(first + 1, len(way)):
                if _gain(way, between, first, last) > SMALLEST_GAIN:
                    way[first : last + 1] = reversed(way[first : last + 1])
                    improved = True
    return way


def _gain(way: Sequence[int], between: Sequence[Sequence[float]], first: int, last: int) -> float:
    """What turning a part round saves; the way's end is open."""
    before, head, tail = way[first - 1], way[first], way[last]
    gain = between[before][head] - between[before][tail]
    if last + 1 < len(way):
        after = way[last + 1]
        gain += between[tail][after] - between[head][after]
    return gain


def _length(way: Sequence[int], between: Sequence[Sequence[float]]) -> float:
    return sum(between[one][other] for one, other in pairwise(way))
