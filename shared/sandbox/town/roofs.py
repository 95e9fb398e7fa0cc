"""Roofs: what they are made of, when they were replaced, and what the years and the hail did to them."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from shared.sandbox.town.layout import APARTMENTS, COMMERCIAL, CONDO, MOBILE, Bools, Floats, Ints, Layout
from shared.sandbox.town.model import DamageKind as D
from shared.sandbox.town.model import Material
from shared.sandbox.town.places import Place
from shared.sandbox.town.storms import Storm, hail_inches

MATERIALS: tuple[Material, ...] = tuple(Material)
DAMAGES: tuple[D, ...] = tuple(D)
LIFE_YEARS: dict[Material, float] = {
    Material.ASPHALT_3TAB: 18,
    Material.ASPHALT_ARCHITECTURAL: 25,
    Material.ASPHALT_DESIGNER: 30,
    Material.WOOD_SHAKE: 28,
    Material.METAL_EXPOSED_FASTENER: 35,
    Material.METAL_STANDING_SEAM: 50,
    Material.CONCRETE_TILE: 45,
    Material.CLAY_TILE: 60,
    Material.EPDM: 18,
    Material.TPO_PVC: 22,
    Material.MODIFIED_BITUMEN: 15,
    Material.BUILT_UP: 18,
}
HAIL_THRESHOLD_INCHES: dict[Material, float] = {
    Material.ASPHALT_3TAB: 1.0,
    Material.ASPHALT_ARCHITECTURAL: 1.25,
    Material.ASPHALT_DESIGNER: 1.25,
    Material.WOOD_SHAKE: 1.25,
    Material.METAL_EXPOSED_FASTENER: 1.25,
    Material.METAL_STANDING_SEAM: 1.25,
    Material.CONCRETE_TILE: 2.0,
    Material.CLAY_TILE: 1.5,
    Material.EPDM: 1.5,
    Material.TPO_PVC: 1.5,
    Material.MODIFIED_BITUMEN: 1.5,
    Material.BUILT_UP: 2.0,
}
"""Smallest hail that hurts the covering; a quarter inch less once it is past 70 % of its life."""
FLAT_MATERIALS: tuple[tuple[Material, float], ...] = (
    (Material.TPO_PVC, 0.40),
    (Material.EPDM, 0.20),
    (Material.MODIFIED_BITUMEN, 0.25),
    (Material.BUILT_UP, 0.15),
)
_ASPHALT = {
    D.MISSING_SHINGLES: 0.32,
    D.CURLED_LIFTED: 0.28,
    D.MOSS_ALGAE: 0.16,
    D.DAMAGED_FLASHING: 0.12,
    D.SAGGING: 0.06,
    D.TREE_DAMAGE: 0.06,
}
_TILE = {
    D.CRACKED_TILES: 0.55,
    D.MOSS_ALGAE: 0.17,
    D.DAMAGED_FLASHING: 0.15,
    D.SAGGING: 0.06,
    D.TREE_DAMAGE: 0.07,
}
_METAL = {D.RUST_STAINS: 0.62, D.DAMAGED_FLASHING: 0.18, D.CURLED_LIFTED: 0.10, D.TREE_DAMAGE: 0.10}
_WOOD = {
    D.MOSS_ALGAE: 0.35,
    D.MISSING_SHINGLES: 0.27,
    D.CURLED_LIFTED: 0.20,
    D.SAGGING: 0.09,
    D.TREE_DAMAGE: 0.09,
}
_FLAT = {D.PONDING_WATER: 0.55, D.DAMAGED_FLASHING: 0.25, D.CURLED_LIFTED: 0.12, D.TREE_DAMAGE: 0.08}
DAMAGE_MIX: dict[Material, dict[D, float]] = {
    Material.ASPHALT_3TAB: _ASPHALT,
    Material.ASPHALT_ARCHITECTURAL: _ASPHALT,
    Material.ASPHALT_DESIGNER: _ASPHALT,
    Material.WOOD_SHAKE: _WOOD,
    Material.METAL_EXPOSED_FASTENER: _METAL,
    Material.METAL_STANDING_SEAM: _METAL,
    Material.CONCRETE_TILE: _TILE,
    Material.CLAY_TILE: _TILE,
    Material.EPDM: _FLAT,
    Material.TPO_PVC: _FLAT,
    Material.MODIFIED_BITUMEN: _FLAT,
    Material.BUILT_UP: _FLAT,
}
DAYS_PER_YEAR = 365.25
SHAPES = ("gable", "hip", "flat")
FLAT_SHAPE = 2
MAX_DAMAGES = 4
RECENT_CLUSTER_M, RECENT_CLUSTER_SHARE = 260.0, 0.16


@dataclass(frozen=True, slots=True)
class Roofs:
    """Columns of roofs, one a building, and flat columns of their replacements and damages."""

    material: Ints
    shape: Ints
    pitch: Ints
    age_days: Ints
    original: Bools
    wear: Floats
    colour: Ints
    seed: Ints
    replaced_building: Ints
    replaced_age_days: Ints
    replaced_material: Ints
    damage_building: Ints
    """Sorted, so that the damages of one building are one slice."""
    damage_kind: Ints
    damage_severity: Floats
    damage_share: Floats
    damage_x: Floats
    damage_y: Floats

    def damages_of(self, building: int) -> slice:
        """Where the damages of a building lie in the damage columns."""
        first, last = np.searchsorted(self.damage_building, [building, building + 1])
        return slice(int(first), int(last))


def make_roofs(
    place: Place, layout: Layout, storms: tuple[Storm, ...], as_of: date, rng: np.random.Generator
) -> Roofs:
    """Roofs with a whole history: built, replaced at the end of their lives, some after storms, some just now."""
    shape, pitch = _shapes(place, layout, rng)
    material = _materials(place, shape, rng)
    life_days = np.array([LIFE_YEARS[m] for m in MATERIALS])[material] * place.climate_factor * DAYS_PER_YEAR
    age, material, replaced = _renew(layout, material, life_days, as_of, rng)
    age, replaced = _renew_recently(layout, age, material, replaced, rng)
    life_days = np.array([LIFE_YEARS[m] for m in MATERIALS])[material] * place.climate_factor * DAYS_PER_YEAR
    spread = rng.lognormal(0.0, 0.10, len(age))
    worn = 0.80 * (age / (life_days * spread)) ** 0.9 + rng.normal(0.0, 0.02, len(age))
    base = np.clip(worn, 0.01, 0.93)
    weather = _Weather(place, layout, storms, as_of)
    damage = _damages(weather, material, age=age, life_used=age / life_days, base=base, rng=rng)
    added = np.bincount(damage["building"], damage["severity"] * damage["share"], minlength=len(age))
    order = np.argsort(damage["building"], kind="stable")
    return Roofs(
        material=material,
        shape=shape,
        pitch=pitch,
        age_days=age,
        original=~np.isin(np.arange(len(age)), replaced[:, 0]),
        wear=np.clip(base + np.minimum(0.5 * added, 0.30), 0.01, 1.0),
        colour=rng.integers(0, 6, len(age)),
        seed=rng.integers(0, 2**31, len(age)),
        replaced_building=replaced[:, 0],
        replaced_age_days=replaced[:, 1],
        replaced_material=replaced[:, 2],
        damage_building=damage["building"][order].astype(np.int64),
        damage_kind=damage["kind"][order].astype(np.int64),
        damage_severity=damage["severity"][order],
        damage_share=damage["share"][order],
        damage_x=damage["x"][order],
        damage_y=damage["y"][order],
    )


def _shapes(place: Place, layout: Layout, rng: np.random.Generator) -> tuple[Ints, Ints]:
    count = len(layout.kind)
    draw = rng.random(count)
    flat = (layout.kind == COMMERCIAL) | ((layout.kind == APARTMENTS) & (draw < 0.6))
    flat |= (layout.kind == CONDO) & (draw < 0.3)
    flat |= (layout.kind != MOBILE) & (rng.random(count) < place.flat_share)
    shape = np.where(flat, FLAT_SHAPE, (rng.random(count) < 0.42).astype(int))
    pitch = rng.choice([4, 5, 6, 7, 8, 9, 10, 12], count, p=[0.22, 0.15, 0.24, 0.12, 0.12, 0.06, 0.06, 0.03])
    pitch = np.where(layout.kind == MOBILE, 3, pitch)
    return shape, np.where(flat, rng.integers(0, 3, count), pitch)


def _materials(place: Place, shape: Ints, rng: np.random.Generator) -> Ints:
    pitched = _draw_materials(place.materials, len(shape), rng)
    flat = _draw_materials(FLAT_MATERIALS, len(shape), rng)
    return np.where(shape == FLAT_SHAPE, flat, pitched)


def _draw_materials(shares: tuple[tuple[Material, float], ...], count: int, rng: np.random.Generator) -> Ints:
    weights = np.array([share for _, share in shares])
    codes = np.array([MATERIALS.index(m) for m, _ in shares])
    drawn: Ints = codes[rng.choice(len(codes), count, p=weights / weights.sum())]
    return drawn


def _renew(
    layout: Layout, material: Ints, life_days: Floats, as_of: date, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """(age in days, material, replacements) after every roof was renewed whenever its life ended."""
    count = len(material)
    age = (
        ((as_of.year - layout.year_built) * DAYS_PER_YEAR + rng.uniform(-150, 150, count))
        .clip(30)
        .astype(int)
    )
    material = material.copy()
    found: list[Ints] = []
    three_tab, architectural = (
        MATERIALS.index(Material.ASPHALT_3TAB),
        MATERIALS.index(Material.ASPHALT_ARCHITECTURAL),
    )
    standing = np.zeros(count, dtype=bool)
    for _ in range(14):
        later = age - (life_days * np.clip(rng.lognormal(0.0, 0.22, count), 0.6, 1.7)).astype(int)
        # A roof whose drawn life reaches past today stands; drawing again would shorten it.
        due = (later > 60) & ~standing
        standing |= ~due
        age = np.where(due, later, age)
        upgraded = due & (material == three_tab) & (later < 20 * DAYS_PER_YEAR) & (rng.random(count) < 0.6)
        material[upgraded] = architectural
        life_days = np.where(
            upgraded,
            life_days * LIFE_YEARS[Material.ASPHALT_ARCHITECTURAL] / LIFE_YEARS[Material.ASPHALT_3TAB],
            life_days,
        )
        chosen = np.nonzero(due)[0]
        found.append(np.column_stack([chosen, age[chosen], material[chosen]]))
    return age, material, np.concatenate(found)


def _renew_recently(
    layout: Layout, age: Ints, material: Ints, replaced: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """A few roofs of the last two years, and one neighbourhood that re-roofs just now."""
    count = len(age)
    heart = rng.integers(0, count)
    near = np.hypot(layout.east - layout.east[heart], layout.north - layout.north[heart]) < RECENT_CLUSTER_M
    old = age > 8 * DAYS_PER_YEAR
    now = near & old & (rng.random(count) < RECENT_CLUSTER_SHARE)
    lately = ~now & old & (rng.random(count) < 0.03)
    fresh = np.where(now, rng.integers(3, 55, count), rng.integers(20, 730, count))
    chosen = np.nonzero(now | lately)[0]
    age = np.where(now | lately, fresh, age)
    return age, np.concatenate([replaced, np.column_stack([chosen, age[chosen], material[chosen]])])


@dataclass(frozen=True, slots=True)
class _Weather:
    """What the roofs went through, and where they stand."""

    place: Place
    layout: Layout
    storms: tuple[Storm, ...]
    as_of: date


def _damages(
    weather: _Weather,
    material: Ints,
    *,
    age: Ints,
    life_used: Floats,
    base: Floats,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Wear damage by material and age, then hail damage where hail was big enough."""
    number = np.minimum(rng.poisson(0.12 + 4.5 * np.maximum(0.0, base - 0.3) ** 1.3), MAX_DAMAGES)
    building = np.repeat(np.arange(len(age)), number)
    kind = _damage_kinds(material[building], rng)
    severity = np.clip(0.18 + 0.6 * base[building] + rng.normal(0.0, 0.13, len(building)), 0.08, 1.0)
    share = np.clip(0.015 + 0.22 * severity * rng.random(len(building)), 0.01, 0.3)
    hail_building, hail_severity = _hail(weather, material, age=age, life_used=life_used, rng=rng)
    hail_share = np.clip(0.25 + 0.4 * hail_severity, 0.0, 0.7)
    hail_kind = np.full(len(hail_building), DAMAGES.index(D.HAIL_DENTS))
    total = len(building) + len(hail_building)
    return {
        "building": np.concatenate([building, hail_building]),
        "kind": np.concatenate([kind, hail_kind]),
        "severity": np.round(np.concatenate([severity, hail_severity]), 3),
        "share": np.round(np.concatenate([share, hail_share]), 3),
        "x": np.round(rng.uniform(0.15, 0.85, total), 3),
        "y": np.round(rng.uniform(0.15, 0.85, total), 3),
    }


def _damage_kinds(material: Ints, rng: np.random.Generator) -> Ints:
    """Damage class of each damage by the mix of its material."""
    chances = np.array([[DAMAGE_MIX[m].get(d, 0.0) for d in DAMAGES] for m in MATERIALS]).cumsum(axis=1)
    draw = rng.random(len(material)) * chances[:, -1][material]
    kinds: Ints = (chances[material] <= draw[:, None]).sum(axis=1)
    return kinds


def _hail(
    weather: _Weather,
    material: Ints,
    *,
    age: Ints,
    life_used: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, Floats]:
    """(building, severity) of roofs hurt by hail: the worst storm since the roof was laid counts."""
    threshold = np.array([HAIL_THRESHOLD_INCHES[m] for m in MATERIALS])[material] - 0.25 * (life_used > 0.7)
    excess = np.full(len(material), -1.0)
    for storm in (s for s in weather.storms if s.kind == "hail" and s.county == weather.place.county.upper()):
        days_ago = (weather.as_of - storm.began_at.date()).days
        size = hail_inches(storm, weather.place, weather.layout.east, weather.layout.north)
        excess = np.maximum(excess, np.where(age > days_ago, size - threshold, -1.0))
    hurt = np.nonzero((excess >= 0.0) & (rng.random(len(material)) < 0.6))[0]
    severity = np.clip(0.25 + 0.5 * excess[hurt] + rng.normal(0.0, 0.08, len(hurt)), 0.1, 1.0)
    return hurt, severity
