"""The town is the same for the same seed, whole, and honest about itself."""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from shared.sandbox.town import (
    PLACES,
    BuildingKind,
    Condition,
    DamageKind,
    OwnerKind,
    Place,
    Town,
    build_town,
    place_named,
)
from shared.sandbox.town.geometry import polygon_area_m2
from shared.sandbox.town.model import condition_of
from shared.sandbox.town.permit_kinds import PERMIT_KINDS, REROOF
from shared.sandbox.town.permits import STATUSES
from shared.sandbox.town.town import lot_ring_degrees

TODAY = date(2026, 11, 22)
HARROW = PLACES[0]


def town_of(place: Place = HARROW, *, parcels: int = 600, seed: int = 7, as_of: date = TODAY) -> Town:
    return build_town(place, parcels=parcels, seed=seed, as_of=as_of)


@pytest.fixture(scope="module")
def town() -> Town:
    return town_of()


def digest(thing: Any) -> str:
    """A fingerprint of every array and record of a town."""
    parts: list[bytes] = []

    def walk(node: Any) -> None:
        if isinstance(node, np.ndarray):
            parts.append(node.tobytes())
        elif is_dataclass(node) and not isinstance(node, type):
            for field in fields(node):
                walk(getattr(node, field.name))
        else:
            parts.append(pickle.dumps(node))

    walk(thing)
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def test_same_seed_gives_the_same_bytes() -> None:
    assert digest(town_of()) == digest(town_of())


def test_another_seed_and_another_place_give_another_town() -> None:
    same_size = {digest(town_of(seed=8)), digest(town_of()), digest(town_of(PLACES[1]))}
    assert len(same_size) == 3


def test_known_fingerprint_of_an_address_and_a_roof(town: Town) -> None:
    house = town.house(3)
    assert (house.apn, house.address.one_line) == ("100-100-04", "127 1ST ST SW, HARROW, TX 76998")


def test_another_day_is_the_same_town_shifted(town: Town) -> None:
    later = town_of(as_of=TODAY + timedelta(days=30))
    for parcel in range(0, 600, 37):
        old, new = town.house(parcel).roof, later.house(parcel).roof
        assert new.installed_on - old.installed_on == timedelta(days=30)
        assert (new.wear, new.material, new.age_years) == (old.wear, old.material, old.age_years)


@pytest.mark.parametrize("parcels", [200, 601, 5_000])
def test_town_has_exactly_the_asked_parcels_with_addresses_of_their_own(parcels: int) -> None:
    town = town_of(parcels=parcels)
    lines = {town.layout.address(parcel).one_line for parcel in range(parcels)}
    assert town.parcels == len(lines) == len({town.apn(parcel) for parcel in range(parcels)}) == parcels


@pytest.mark.parametrize("parcels", [199, 200_001])
def test_sizes_outside_the_range_are_refused(parcels: int) -> None:
    with pytest.raises(ValueError, match="200 to 200000"):
        town_of(parcels=parcels)


def test_every_kind_of_building_condition_and_damage_occurs(town: Town) -> None:
    houses = [town.house(parcel) for parcel in range(town.parcels)]
    assert {house.kind for house in houses} == set(BuildingKind)
    conditions = Counter(house.roof.condition for house in houses)
    assert set(conditions) == set(Condition)
    assert min(conditions.values()) >= 30
    assert {damage.kind for house in houses for damage in house.roof.damages} == set(DamageKind)


def test_addresses_have_directions_units_ordinals_and_plain_streets(town: Town) -> None:
    addresses = [town.layout.address(parcel) for parcel in range(town.parcels)]
    assert any(a.predirectional for a in addresses)
    assert any(a.postdirectional for a in addresses)
    assert any(a.street.endswith("ST") and a.street[0].isdigit() for a in addresses)
    assert any(not a.predirectional and not a.postdirectional for a in addresses)
    assert {a.unit_kind for a in addresses} == {"", "UNIT", "APT", "#"}


def test_condition_is_cut_from_wear(town: Town) -> None:
    for parcel in range(town.parcels):
        roof = town.house(parcel).roof
        assert roof.condition is condition_of(roof.wear)


@pytest.mark.parametrize(
    ("wear", "condition"),
    [
        (0.0, "excellent"),
        (0.1799, "excellent"),
        (0.18, "good"),
        (0.40, "fair"),
        (0.62, "poor"),
        (0.82, "critical"),
        (1.0, "critical"),
    ],
)
def test_condition_bands_include_their_lower_edge(wear: float, condition: str) -> None:
    assert condition_of(wear) == condition


def test_outlines_lie_around_the_position_and_inside_the_lot(town: Town) -> None:
    for parcel in range(0, town.parcels, 7):
        house = town.house(parcel)
        assert 30 < polygon_area_m2(house.footprint_m) < polygon_area_m2(house.lot_m)
        reach = max(abs(x) + abs(y) for x, y in house.lot_m)
        assert all(abs(x) + abs(y) <= reach for x, y in house.footprint_m)


def test_front_of_a_house_looks_at_its_street(town: Town) -> None:
    """Walking to the street from a house ends on the same line for both sides of that street."""
    rows: dict[int, set[int]] = {}
    for parcel in range(0, town.parcels, 3):
        house = town.house(parcel)
        up = 1.0 if abs(house.front_bearing_deg - HARROW.grid_bearing_deg) < 1 else -1.0
        east, north = town.layout.moved(house.building, 0.0, up * house.street_distance_m)
        turn = np.radians(HARROW.grid_bearing_deg)
        rows.setdefault(int(town.layout.street[house.building]), set()).add(
            round(north * np.cos(turn) + east * np.sin(turn))
        )
    assert all(max(lines) - min(lines) <= 1 for lines in rows.values())


def test_lot_ring_is_closed_and_clockwise(town: Town) -> None:
    ring = lot_ring_degrees(town, 5)
    doubled = sum((x2 - x1) * (y2 + y1) for (x1, y1), (x2, y2) in pairwise(ring))
    assert ring[0] == ring[-1]
    assert doubled > 0


def test_units_of_a_condominium_share_their_roof(town: Town) -> None:
    condos = [
        town.house(parcel) for parcel in range(town.parcels) if town.house(parcel).kind is BuildingKind.CONDO
    ]
    by_building = Counter(house.building for house in condos)
    assert max(by_building.values()) >= 4
    first = [house for house in condos if house.building == condos[0].building]
    assert len({house.roof for house in first}) == 1
    assert len({house.address.unit for house in first}) == len(first)


def test_most_but_not_all_replaced_roofs_left_a_permit() -> None:
    town = town_of(parcels=20_000)
    young = ~town.roofs.original & (town.roofs.age_days < 20 * 365)
    share = float(town.reroof_known()[young].mean())
    assert 0.82 < share < 0.88


def test_permits_are_mostly_something_else_and_partly_wrong() -> None:
    permits = town_of(parcels=5_000).permits
    kinds = Counter(PERMIT_KINDS[kind].key for kind in permits.kind.tolist())
    assert set(kinds) == {kind.key for kind in PERMIT_KINDS}
    assert 0.2 < kinds["reroof"] / len(permits) < 0.5
    assert {STATUSES[status] for status in permits.status.tolist()} == set(STATUSES)
    assert np.isnan(permits.value).any()
    assert (permits.value == 0).any()
    assert (permits.contractor < 0).any()


def test_neighbouring_jurisdictions_reuse_permit_numbers() -> None:
    permits = town_of(parcels=5_000).permits
    for jurisdiction in (0, 1):
        numbers = Counter(permits.number[permits.jurisdiction == jurisdiction].tolist())
        most = 2 if jurisdiction == 0 else 1
        assert max(numbers.values()) == most, "only an amended row comes twice in one jurisdiction"
    outside = set(permits.number[permits.jurisdiction == 1].tolist())
    assert outside <= set(permits.number[permits.jurisdiction == 0].tolist())


def test_withdrawn_reroofs_replaced_nothing(town: Town) -> None:
    permits = town.permits
    kinds = {PERMIT_KINDS[kind].key for kind in permits.kind[np.isin(permits.status, (3, 4))].tolist()}
    assert kinds == {"reroof_dropped"}
    assert (permits.completed_age_days[permits.status == 3] == -1).all()


def test_a_neighbourhood_re_roofs_just_now(town: Town) -> None:
    fresh = np.nonzero((town.roofs.age_days < 60) & ~town.roofs.original)[0]
    assert len(fresh) >= 5
    reroofs = town.permits.kind == REROOF
    assert int((town.permits.issued_age_days[reroofs] < 90).sum()) >= 5


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.key)
def test_every_town_remembers_two_big_storms_of_the_last_ninety_days(place: Place) -> None:
    big = [storm for storm in town_of(place).storms if storm.big]
    assert {storm.kind for storm in big} == {"hail", "wind"}
    for storm in big:
        assert 0 < (TODAY - storm.began_at.date()).days < 90
        assert abs(storm.latitude - place.latitude) < 0.08
        assert storm.magnitude >= (1.0 if storm.kind == "hail" else 60.0)


def test_hail_dents_only_where_hail_fell_since_the_roof_was_laid(town: Town) -> None:
    dented = [
        h
        for h in (town.house(p) for p in range(town.parcels))
        if "hail_dents" in [d.kind for d in h.roof.damages]
    ]
    oldest = min(storm.began_at.date() for storm in town.storms if storm.kind == "hail")
    newest = max(s.began_at.date() for s in town.storms if s.kind == "hail" and s.county == "ASHBY")
    assert 20 < len(dented) < 350
    assert all(house.roof.installed_on < newest for house in dented)
    assert oldest >= TODAY - timedelta(days=731)


def test_owners_are_people_trusts_companies_with_addresses_nobody_else_has(town: Town) -> None:
    owners = [town.owner(parcel) for parcel in range(town.parcels)]
    assert {owner.kind for owner in owners} >= {OwnerKind.PERSON, OwnerKind.TRUST, OwnerKind.COMPANY}
    emails = [owner.email for owner in owners if owner.email]
    assert len(emails) == len(set(emails)) > 300
    assert all(email.endswith(".example") for email in emails), "no real mailbox can ever be written to"
    assert all("5550" in owner.phone for owner in owners if owner.phone), "numbers reserved for fiction"
    assert all(not owner.occupied for owner in owners if owner.kind is OwnerKind.COMPANY)


def test_parcel_numbers_lead_back_to_their_parcel(town: Town) -> None:
    assert town.parcel_of_apn(town.apn(44)) == 44
    assert town.parcel_of_apn("10010045") == 44
    assert [town.parcel_of_apn(wrong) for wrong in ("", "999-999-99", "200-100-45", "1")] == [None] * 4


def test_points_find_their_houses(town: Town) -> None:
    house = town.house(10)
    near = town.houses_near(house.latitude, house.longitude, 60.0)
    assert near[0].building == house.building
    assert len(near) > 2
    assert town.covers(house.latitude, house.longitude)
    assert not town.covers(house.latitude + 1, house.longitude)


@pytest.mark.parametrize(
    ("city", "state", "found"), [("harrow", "tx", True), ("Harrow", "FL", False), ("Nowhere", "TX", False)]
)
def test_places_are_found_by_name_and_state(city: str, state: str, found: bool) -> None:
    assert (place_named(city, state) is not None) is found
