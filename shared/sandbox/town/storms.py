"""Hail, wind and tornado events of the last two years, and what the hail did where."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from shared.sandbox.town.geometry import Projection
from shared.sandbox.town.layout import Floats
from shared.sandbox.town.places import Place

METRES_PER_MILE = 1609.344
HISTORY_DAYS = 730
NEAR_M = 30_000.0
"""Storms nearer than this are named after the town and lie in its county."""
REPORT_PLACES = ("AIRPORT", "DOWNTOWN", "FAIRGROUNDS", "COURTHOUSE", "LAKE", "JUNCTION")
COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")


@dataclass(frozen=True, slots=True)
class Storm:
    """One report of one event; reports of the same storm share `episode`."""

    event_id: int
    episode: int
    kind: str
    """hail, wind or tornado."""
    began_at: datetime
    minutes: int
    latitude: float
    longitude: float
    end_latitude: float
    end_longitude: float
    magnitude: float
    """Hail in inches, wind in miles an hour, tornado on the EF scale."""
    measured: bool
    half_width_m: float
    location: str
    county: str
    state: str
    narrative: str
    damage_dollars: int
    big: bool
    """One of the two recent storms the town remembers."""


def make_storms(place: Place, as_of: date, rng: np.random.Generator) -> tuple[Storm, ...]:
    """Two big recent storms near the town, older ones around it, and the rest of the state's weather."""
    maker = _Maker(place, as_of, rng)
    maker.episode("hail", int(rng.integers(11, 40)), (2_300, 3_700), (1.75, 2.25), 5, big=True)
    maker.episode("wind", int(rng.integers(45, 74)), (1_500, 7_000), (68, 84), 4, big=True)
    for _ in range(9):
        maker.episode("hail", int(rng.integers(95, HISTORY_DAYS)), (2_500, 50_000), (0.75, 2.25), 2)
    for _ in range(10):
        maker.episode("wind", int(rng.integers(20, HISTORY_DAYS)), (3_000, 60_000), (58, 80), 2)
    for _ in range(3):
        maker.episode("tornado", int(rng.integers(30, HISTORY_DAYS)), (14_000, 70_000), (0, 3), 1)
    for _ in range(25):
        kind = ("hail", "wind")[int(rng.integers(0, 2))]
        span = (0.75, 1.75) if kind == "hail" else (50, 75)
        maker.episode(kind, int(rng.integers(3, HISTORY_DAYS)), (60_000, 300_000), span, 1)
    return tuple(sorted(maker.storms, key=lambda storm: (storm.began_at, storm.event_id)))


class _Maker:
    """Collects the reports of one town."""

    def __init__(self, place: Place, as_of: date, rng: np.random.Generator) -> None:
        self.place, self.rng, self.storms = place, rng, list[Storm]()
        self.midnight = datetime.combine(as_of, time(), UTC)
        self.projection = Projection(place.latitude, place.longitude)
        self.episodes = 0

    def episode(
        self,
        kind: str,
        days_ago: int,
        distance_m: tuple[float, float],
        span: tuple[float, float],
        reports: int,
        *,
        big: bool = False,
    ) -> None:
        """Reports along one track; the first is the strongest and carries the swath."""
        rng = self.rng
        self.episodes += 1
        away = rng.uniform(*distance_m)
        start = (
            self.midnight - timedelta(days=days_ago) + timedelta(hours=18, minutes=int(rng.integers(0, 420)))
        )
        heading = np.radians(rng.uniform(30, 110))
        # The track passes beside the town rather than through it, so that distance to it matters.
        bearing = heading + np.radians(rng.choice((-90, 90)) + rng.uniform(-25, 25))
        length = rng.uniform(7_000, 16_000)
        peak = rng.uniform(*span)
        for order in range(reports):
            along = 0.0 if order == 0 else rng.uniform(-0.5, 0.5) * length
            east = away * np.sin(bearing) + along * np.sin(heading)
            north = away * np.cos(bearing) + along * np.cos(heading)
            began = start + timedelta(minutes=9 * order)
            self._report(
                kind,
                began,
                at=(east, north),
                heading=heading,
                length=length,
                strength=peak * (1 - 0.14 * order),
                big=big and order == 0,
            )

    def _somewhere(self) -> str:
        return f"{REPORT_PLACES[int(self.rng.integers(0, 6))]} {int(self.rng.integers(2, 60))}"

    def _report(
        self,
        kind: str,
        began: datetime,
        *,
        at: tuple[float, float],
        heading: float,
        length: float,
        strength: float,
        big: bool,
    ) -> None:
        rng, place = self.rng, self.place
        latitude, longitude = (float(degrees) for degrees in self.projection.to_degrees(*at))
        run = 0.5 * length
        end = self.projection.to_degrees(at[0] + run * np.sin(heading), at[1] + run * np.cos(heading))
        near = float(np.hypot(*at)) < NEAR_M
        town = place.city.upper() if near else self._somewhere()
        magnitude = _rounded(kind, strength)
        self.storms.append(
            Storm(
                event_id=900_000_000 + place.salt * 1_000_000 + len(self.storms),
                episode=700_000 + place.salt * 10_000 + self.episodes,
                kind=kind,
                began_at=began,
                minutes=int(rng.integers(2, 25)),
                latitude=round(latitude, 4),
                longitude=round(longitude, 4),
                end_latitude=round(float(end[0]), 4),
                end_longitude=round(float(end[1]), 4),
                magnitude=magnitude,
                measured=bool(rng.random() < 0.3),
                half_width_m=float(rng.uniform(1_500, 3_200)),
                location=_located(at, town),
                county=place.county.upper() if near else "FARAWAY",
                state=place.state,
                narrative=_narrative(kind, magnitude, town),
                damage_dollars=int(rng.integers(0, 60)) * 5_000,
                big=big,
            )
        )


def _located(at: tuple[float, float], town: str) -> str:
    """`3 NW HARROW`: whole miles and compass direction from a town."""
    miles = round(float(np.hypot(*at)) / METRES_PER_MILE)
    compass = COMPASS[round(np.degrees(np.arctan2(at[0], at[1])) / 22.5) % 16]
    return f"{miles} {compass} {town}" if miles else town


def _rounded(kind: str, strength: float) -> float:
    """Hail to a quarter inch, wind to a whole mile an hour, tornado to a scale step."""
    if kind == "hail":
        return max(0.5, round(strength * 4) / 4)
    return float(round(strength)) if kind == "wind" else float(max(0, min(3, round(strength))))


def _narrative(kind: str, magnitude: float, town: str) -> str:
    if kind == "hail":
        return f"Hail of {magnitude:.2f} inches was reported near {town.title()}, with dents to cars, and broken glass."
    if kind == "wind":
        return f"Trees, and some shingles, down near {town.title()}.\nGust of {magnitude:.0f} mph."
    return f"A tornado rated EF{magnitude:.0f} crossed open land near {town.title()}."


def hail_inches(storm: Storm, place: Place, east: Floats, north: Floats) -> Floats:
    """Size of the hail at each point (metres from the town's middle): full inside the swath, fading outside."""
    projection = Projection(place.latitude, place.longitude)
    x1, y1 = projection.to_metres(storm.latitude, storm.longitude)
    x2, y2 = projection.to_metres(storm.end_latitude, storm.end_longitude)
    dx, dy = x2 - x1, y2 - y1
    along = np.clip(((east - x1) * dx + (north - y1) * dy) / max(dx * dx + dy * dy, 1.0), -1.0, 1.0)
    distance = np.hypot(east - (x1 + along * dx), north - (y1 + along * dy))
    faded: Floats = storm.magnitude * np.exp(
        -0.5 * (np.maximum(distance - 800.0, 0.0) / storm.half_width_m) ** 2
    )
    return faded
