"""The town as a whole: one object that knows the truth about every parcel."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from shared.sandbox.town.geometry import MetrePoint, Projection
from shared.sandbox.town.layout import KINDS, SINGLE, TOWNHOUSE, Bools, Floats, Ints, Layout, lay_out
from shared.sandbox.town.model import (
    Damage,
    House,
    Owner,
    Roof,
    RoofShape,
    condition_of,
)
from shared.sandbox.town.people import People, make_people, owner_of
from shared.sandbox.town.permit_kinds import REROOF
from shared.sandbox.town.permits import Permits, make_permits
from shared.sandbox.town.places import Place
from shared.sandbox.town.roofs import DAMAGES, DAYS_PER_YEAR, MATERIALS, SHAPES, Roofs, make_roofs
from shared.sandbox.town.storms import Storm, make_storms

MIN_PARCELS, MAX_PARCELS = 200, 200_000
_LAYOUT_STREAM, _STORM_STREAM, _ROOF_STREAM, _PEOPLE_STREAM, _PERMIT_STREAM, _VALUE_STREAM = range(6)


@dataclass(frozen=True, slots=True)
class Values:
    """Assessor's figures, one a parcel."""

    sqft: Ints
    beds: Ints
    baths: Ints
    lot_sqft: Ints
    market: Ints
    assessed: Ints
    tax_cents: Ints
    sold_age_days: Ints
    """-1 when no sale is on record."""
    sold_price: Ints
    """0 for a transfer that was no sale."""
    year_known: Bools


@dataclass(frozen=True, slots=True)
class Town:
    """A town on one day; the same place, size, seed and day always give the same town."""

    place: Place
    seed: int
    as_of: date
    layout: Layout
    storms: tuple[Storm, ...]
    roofs: Roofs
    people: People
    permits: Permits
    values: Values

    @property
    def parcels(self) -> int:
        """Number of parcels."""
        return self.layout.parcels

    @property
    def projection(self) -> Projection:
        """Metres from the town's middle to degrees and back."""
        return Projection(self.place.latitude, self.place.longitude)

    def day(self, age_days: int) -> date:
        """The date so many days before the town's day."""
        return self.as_of - timedelta(days=age_days)

    def apn(self, parcel: int) -> str:
        """Assessor's parcel number, as the county writes it."""
        digits = f"{self.place.salt}{parcel + 10_001:07d}"
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"

    def parcel_of_apn(self, apn: str) -> int | None:
        """Parcel with that number, with or without its dashes; None when there is none."""
        digits = "".join(letter for letter in apn if letter.isdigit())
        if len(digits) != 8 or digits[0] != str(self.place.salt):
            return None
        parcel = int(digits[1:]) - 10_001
        return parcel if 0 <= parcel < self.parcels else None

    def position(self, parcel: int) -> tuple[float, float]:
        """(latitude, longitude) of the middle of the parcel's building."""
        building = self.layout.building[parcel]
        return self.projection.to_degrees(
            float(self.layout.east[building]), float(self.layout.north[building])
        )

    def owner(self, parcel: int) -> Owner:
        """Owner of a parcel."""
        return owner_of(self.layout, self.people, parcel)

    def roof(self, building: int) -> Roof:
        """True roof of a building."""
        roofs, layout = self.roofs, self.layout
        age_days = int(roofs.age_days[building])
        wear = round(float(roofs.wear[building]), 4)
        along_street = layout.width[building] >= layout.depth[building]
        return Roof(
            material=MATERIALS[roofs.material[building]],
            shape=RoofShape(SHAPES[roofs.shape[building]]),
            pitch_rise=int(roofs.pitch[building]),
            ridge_bearing_deg=(self.place.grid_bearing_deg + (90.0 if along_street else 0.0)) % 180.0,
            installed_on=self.day(age_days),
            age_years=round(age_days / DAYS_PER_YEAR, 3),
            wear=wear,
            condition=condition_of(wear),
            damages=self._damages(building),
            colour=int(roofs.colour[building]),
            original=bool(roofs.original[building]),
        )

    def _damages(self, building: int) -> tuple[Damage, ...]:
        roofs = self.roofs
        rows = range(*roofs.damages_of(building).indices(len(roofs.damage_building)))
        return tuple(
            Damage(
                kind=DAMAGES[roofs.damage_kind[row]],
                severity=float(roofs.damage_severity[row]),
                share=float(roofs.damage_share[row]),
                at=(float(roofs.damage_x[row]), float(roofs.damage_y[row])),
                seed=int(roofs.seed[building]) * 31 + row - rows.start,
            )
            for row in rows
        )

    def house(self, parcel: int) -> House:
        """A parcel with its building and roof."""
        layout = self.layout
        building = int(layout.building[parcel])
        latitude, longitude = self.position(parcel)
        return House(
            index=parcel,
            building=building,
            apn=self.apn(parcel),
            kind=KINDS[layout.kind[building]],
            address=layout.address(parcel),
            latitude=latitude,
            longitude=longitude,
            east_m=float(layout.east[building]),
            north_m=float(layout.north[building]),
            front_bearing_deg=layout.front_bearing(building),
            street_distance_m=layout.street_distance(building),
            footprint_m=layout.footprint(building),
            lot_m=layout.lot(building),
            stories=int(layout.stories[building]),
            year_built=int(layout.year_built[building]),
            roof=self.roof(building),
            seed=int(self.roofs.seed[building]),
        )

    def first_parcel(self, building: int) -> int:
        """The lowest parcel of a building."""
        return int(np.searchsorted(self.layout.building, building))

    def buildings_near(self, east_m: float, north_m: float, radius_m: float) -> tuple[int, ...]:
        """Buildings whose middle lies within a distance of a point (metres from the town's middle), nearest first."""
        distance = np.hypot(self.layout.east - east_m, self.layout.north - north_m)
        near = np.nonzero(distance <= radius_m)[0]
        return tuple(int(building) for building in near[np.argsort(distance[near], kind="stable")])

    def houses_near(self, latitude: float, longitude: float, radius_m: float) -> tuple[House, ...]:
        """One house a building within a distance of a point, nearest first."""
        buildings = self.buildings_near(*self.projection.to_metres(latitude, longitude), radius_m)
        return tuple(self.house(self.first_parcel(building)) for building in buildings)

    def covers(self, latitude: float, longitude: float, margin_m: float = 500.0) -> bool:
        """True where the point lies within the town or so many metres around it."""
        east, north = self.projection.to_metres(latitude, longitude)
        reach_east, reach_north = (
            np.abs(self.layout.east).max() + margin_m,
            np.abs(self.layout.north).max() + margin_m,
        )
        return bool(abs(east) <= reach_east and abs(north) <= reach_north)

    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees around all lots."""
        low = self.projection.to_degrees(
            float(self.layout.east.min()) - 60, float(self.layout.north.min()) - 60
        )
        high = self.projection.to_degrees(
            float(self.layout.east.max()) + 60, float(self.layout.north.max()) + 60
        )
        return low[1], low[0], high[1], high[0]

    def reroof_known(self) -> NDArray[np.bool_]:
        """For each building, whether the present roof left a re-roof permit."""
        known = np.zeros(len(self.roofs.age_days), dtype=bool)
        rows = np.nonzero(self.permits.kind == REROOF)[0]
        building = self.layout.building[self.permits.parcel[rows]]
        gap = self.permits.issued_age_days[rows] - self.roofs.age_days[building]
        known[building[(gap >= 0) & (gap <= 9)]] = True
        return known


def lot_ring_degrees(town: Town, parcel: int) -> tuple[MetrePoint, ...]:
    """Closed ring of the lot as (longitude, latitude), clockwise as ArcGIS wants outer rings."""
    building = int(town.layout.building[parcel])
    east, north = float(town.layout.east[building]), float(town.layout.north[building])
    points = [town.projection.to_degrees(east + x, north + y) for x, y in town.layout.lot(building)]
    ring = [(round(longitude, 7), round(latitude, 7)) for latitude, longitude in points][::-1]
    return (*ring, ring[0])


def build_town(place: Place, *, parcels: int, seed: int, as_of: date) -> Town:
    """The town of a place: `parcels` between 200 and 200,000."""
    if not MIN_PARCELS <= parcels <= MAX_PARCELS:
        raise ValueError(f"a town has {MIN_PARCELS} to {MAX_PARCELS} parcels, not {parcels}")

    def rng(stream: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, place.salt, stream])))

    layout = lay_out(place, parcels, rng(_LAYOUT_STREAM))
    storms = make_storms(place, as_of, rng(_STORM_STREAM))
    roofs = make_roofs(place, layout, storms, as_of, rng(_ROOF_STREAM))
    return Town(
        place=place,
        seed=seed,
        as_of=as_of,
        layout=layout,
        storms=storms,
        roofs=roofs,
        people=make_people(layout, rng(_PEOPLE_STREAM)),
        permits=make_permits(layout, roofs, as_of, rng(_PERMIT_STREAM)),
        values=_values(layout, rng(_VALUE_STREAM)),
    )


def _values(layout: Layout, rng: np.random.Generator) -> Values:
    building = layout.building
    count = layout.parcels
    units = np.bincount(building, minlength=len(layout.kind))[building]
    area = layout.width * layout.depth * np.where(layout.ell, 0.8, 1.0) * layout.stories * 10.7639 * 0.88
    sqft = np.maximum(380, (area[building] / units).astype(int))
    homes = np.isin(layout.kind[building], (SINGLE, TOWNHOUSE))
    market = np.round(sqft * rng.lognormal(np.log(118), 0.22, count), -2).astype(int) + np.where(
        homes, 28_000, 4_000
    )
    assessed = (market * rng.uniform(0.78, 0.98, count)).astype(int)
    sold = (rng.random(count) * 25 * DAYS_PER_YEAR).astype(int) + 40
    price = np.round(market * rng.uniform(0.5, 1.0, count), -2).astype(int)
    return Values(
        sqft=sqft,
        beds=np.clip(np.round(sqft / 620).astype(int) + 1, 1, 6),
        baths=np.clip(np.round(sqft / 950).astype(int) + 1, 1, 5),
        lot_sqft=(layout.lot_width[building] * 36.0 * 10.7639 / units).astype(int),
        market=market,
        assessed=assessed,
        tax_cents=(assessed * 1.9).astype(int),
        sold_age_days=np.where(rng.random(count) < 0.06, -1, sold),
        sold_price=np.where(rng.random(count) < 0.14, 0, price),
        year_known=rng.random(count) >= 0.02,
    )


__all__ = [
    "MAX_PARCELS",
    "MIN_PARCELS",
    "Bools",
    "Floats",
    "Ints",
    "Town",
    "Values",
    "build_town",
    "lot_ring_degrees",
]
