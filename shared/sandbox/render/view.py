"""What the renderer needs to know of one house on one day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from shared.sandbox.town.geometry import MetrePoint
from shared.sandbox.town.model import Damage, House, Material, RoofShape

DAYS_PER_YEAR = 365.25
VISIBLE_WEAR_SPREAD = 0.02
"""Standard deviation between the true wear of a roof and the wear that shows: two roofs of one condition differ."""
RENEWED_ROOF_WEAR = (0.62, 0.97)
"""Wear of the roof that was there before a re-roof: people replace what is poor or critical."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A building beside the house; only its outline and roof are drawn."""

    footprint_m: tuple[MetrePoint, ...]
    """Relative to the house that is rendered."""
    material: Material
    colour: int
    wear: float
    seed: int


@dataclass(frozen=True, slots=True)
class RoofScene:
    """One house as it can be seen on a day; metres are relative to the house's position."""

    material: Material
    shape: RoofShape
    pitch_rise: int
    ridge_bearing_deg: float
    footprint_m: tuple[MetrePoint, ...]
    front_bearing_deg: float
    street_distance_m: float
    stories: int
    colour: int
    wear: float
    """0..1 as it shows, close to the true wear but not equal."""
    damages: tuple[Damage, ...]
    neighbours: tuple[Neighbour, ...]
    seed: int

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the footprint in metres."""
        east = [point[0] for point in self.footprint_m]
        north = [point[1] for point in self.footprint_m]
        return min(east), min(north), max(east), max(north)

    @property
    def flat(self) -> bool:
        """No slope anybody could see from the street."""
        return self.shape is RoofShape.FLAT or self.pitch_rise <= 2


def rng_for(seed: int, *salt: int) -> np.random.Generator:
    """Generator that depends on nothing but the numbers given."""
    return np.random.default_rng([seed & 0xFFFFFFFFFFFF, *(value & 0xFFFFFFFF for value in salt)])


def scene_of(house: House, *, as_of: date, captured_on: date, others: Iterable[House] = ()) -> RoofScene:
    """The house as a picture of `captured_on` shows it; before the re-roof that is the roof that was replaced."""
    roof = house.roof
    if captured_on < roof.installed_on and not roof.original:
        return _scene(house, _wear_before_renewal(house), (), roof.colour + 1, others)
    past_years = max(0.0, (as_of - captured_on).days / DAYS_PER_YEAR)
    share_of_age = max(0.0, 1.0 - past_years / max(roof.age_years, 0.5))
    damages = (
        roof.damages if share_of_age > 0.9 else tuple(d for d in roof.damages if d.severity < share_of_age)
    )
    return _scene(house, roof.wear * share_of_age, damages, roof.colour, others)


def visible_wear(wear: float, seed: int) -> float:
    """Wear that shows on a roof of this true wear; the gap is the house's own and always the same."""
    gap = rng_for(seed, 11).normal(0.0, VISIBLE_WEAR_SPREAD)
    return float(np.clip(wear + gap, 0.0, 1.0))


def _wear_before_renewal(house: House) -> float:
    return float(rng_for(house.seed, 12).uniform(*RENEWED_ROOF_WEAR))


def _scene(
    house: House, wear: float, damages: tuple[Damage, ...], colour: int, others: Iterable[House]
) -> RoofScene:
    roof = house.roof
    return RoofScene(
        material=roof.material,
        shape=roof.shape,
        pitch_rise=roof.pitch_rise,
        ridge_bearing_deg=roof.ridge_bearing_deg,
        footprint_m=house.footprint_m,
        front_bearing_deg=house.front_bearing_deg,
        street_distance_m=house.street_distance_m,
        stories=house.stories,
        colour=colour,
        wear=visible_wear(wear, house.seed),
        damages=damages,
        neighbours=tuple(_neighbour(house, other) for other in others if other.building != house.building),
        seed=house.seed,
    )


def _neighbour(house: House, other: House) -> Neighbour:
    shift_east, shift_north = other.east_m - house.east_m, other.north_m - house.north_m
    outline = tuple((east + shift_east, north + shift_north) for east, north in other.footprint_m)
    return Neighbour(outline, other.roof.material, other.roof.colour, other.roof.wear, other.seed)
