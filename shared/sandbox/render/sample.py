"""Roofs of every kind and age for training and trials, wider than any one town."""

import math
from dataclasses import dataclass

import numpy as np

from shared.sandbox.render.view import Neighbour, RoofScene, rng_for, visible_wear
from shared.sandbox.town.geometry import MetrePoint
from shared.sandbox.town.model import Damage, DamageKind, Material, RoofShape

FLAT_MATERIALS = (Material.EPDM, Material.TPO_PVC, Material.MODIFIED_BITUMEN, Material.BUILT_UP)
PITCHED_MATERIALS = tuple(material for material in Material if material not in FLAT_MATERIALS)
_ANY = (DamageKind.DAMAGED_FLASHING, DamageKind.SAGGING, DamageKind.TREE_DAMAGE, DamageKind.MOSS_ALGAE)
_SHINGLE = (DamageKind.MISSING_SHINGLES, DamageKind.CURLED_LIFTED, DamageKind.HAIL_DENTS)


def possible_damages(material: Material) -> tuple[DamageKind, ...]:
    """Kinds of damage a roof of this material can have."""
    if material in FLAT_MATERIALS:
        return (*_ANY, DamageKind.PONDING_WATER, DamageKind.CURLED_LIFTED, DamageKind.HAIL_DENTS)
    if material in (Material.METAL_EXPOSED_FASTENER, Material.METAL_STANDING_SEAM):
        return (*_ANY, DamageKind.RUST_STAINS, DamageKind.CURLED_LIFTED, DamageKind.HAIL_DENTS)
    if material in (Material.CONCRETE_TILE, Material.CLAY_TILE):
        return (*_ANY, DamageKind.CRACKED_TILES, DamageKind.HAIL_DENTS)
    return (*_ANY, *_SHINGLE)


@dataclass(frozen=True, slots=True)
class Mix:
    """Which roofs are drawn how often."""

    flat: float
    """Share of flat roofs."""
    asphalt: float
    """Weight of each kind of asphalt shingle against any other pitched covering."""
    damages: tuple[float, float]
    """Mean number of damages: at wear 0, and what wear 1 adds."""


NATURAL = Mix(flat=0.12, asphalt=4.0, damages=(0.0, 2.2))
STUDY = Mix(flat=0.22, asphalt=1.3, damages=(0.9, 2.2))
"""Every covering and every damage often enough to be learnt."""
FOREIGN = Mix(flat=0.30, asphalt=0.0, damages=(0.9, 2.2))
"""Coverings other than the usual."""


def sample_scene(seed: int, *, wear: float | None = None, mix: Mix = NATURAL) -> tuple[RoofScene, float]:
    """A random house and the true wear of its roof; uniform wear unless one is given."""
    rng = rng_for(seed, 91)
    true_wear = float(rng.uniform(0.0, 1.0)) if wear is None else wear
    flat = bool(rng.random() < mix.flat)
    choices = FLAT_MATERIALS if flat else PITCHED_MATERIALS
    weights = np.array([mix.asphalt if "asphalt" in material else 1.0 for material in choices])
    material = choices[int(rng.choice(len(choices), p=weights / weights.sum()))]
    turn = float(rng.uniform(0, 360))
    width, depth = float(rng.uniform(9, 20)), float(rng.uniform(8, 14))
    scene = RoofScene(
        material=material,
        shape=RoofShape.FLAT if flat else (RoofShape.GABLE, RoofShape.HIP)[int(rng.integers(2))],
        pitch_rise=0 if flat else int(rng.integers(3, 11)),
        ridge_bearing_deg=(turn + 90.0) % 360,
        footprint_m=_rectangle(width, depth, turn, (0.0, 0.0)),
        front_bearing_deg=turn,
        street_distance_m=float(rng.uniform(14, 22)),
        stories=int(rng.integers(1, 3)),
        colour=int(rng.integers(12)),
        wear=visible_wear(true_wear, seed),
        damages=_damages(material, true_wear, mix, rng),
        neighbours=_neighbours(turn, rng),
        seed=seed,
    )
    return scene, true_wear


def _rectangle(width: float, depth: float, bearing_deg: float, middle: MetrePoint) -> tuple[MetrePoint, ...]:
    sin, cos = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    corners = (
        (-width / 2, -depth / 2),
        (width / 2, -depth / 2),
        (width / 2, depth / 2),
        (-width / 2, depth / 2),
    )
    return tuple((middle[0] + x * cos + y * sin, middle[1] - x * sin + y * cos) for x, y in corners)


def _damages(material: Material, wear: float, mix: Mix, rng: np.random.Generator) -> tuple[Damage, ...]:
    kinds = possible_damages(material)
    count = int(rng.poisson(mix.damages[0] + mix.damages[1] * wear**1.5))
    return tuple(_damage(kinds[int(rng.integers(len(kinds)))], wear, rng) for _ in range(min(count, 5)))


def _damage(kind: DamageKind, wear: float, rng: np.random.Generator) -> Damage:
    severity = float(np.clip(rng.normal(wear, 0.2), 0.05, 1.0))
    share = float(rng.uniform(0.01, 0.10)) * (0.4 + severity)
    if kind is DamageKind.HAIL_DENTS:
        share = 0.2 + 2.0 * share  # a storm strikes half a roof, not a spot
    at = (float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.15, 0.85)))
    return Damage(kind, severity, share, at, int(rng.integers(2**31)))


def _neighbours(bearing_deg: float, rng: np.random.Generator) -> tuple[Neighbour, ...]:
    sin, cos = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    found = []
    for step in (-1.0, 1.0):
        distance = step * float(rng.uniform(20, 26))
        outline = _rectangle(
            float(rng.uniform(9, 15)),
            float(rng.uniform(8, 13)),
            bearing_deg,
            (distance * cos, -distance * sin),
        )
        material = PITCHED_MATERIALS[int(rng.integers(len(PITCHED_MATERIALS)))]
        found.append(
            Neighbour(
                outline, material, int(rng.integers(12)), float(rng.uniform(0, 1)), int(rng.integers(2**31))
            )
        )
    return tuple(found)
