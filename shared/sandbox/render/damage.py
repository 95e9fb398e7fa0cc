"""The ten kinds of damage, painted in place on a roof's colours."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shared.sandbox.render.noise import Plane, smooth_noise
from shared.sandbox.render.view import rng_for
from shared.sandbox.town.model import Damage, DamageKind

Albedo = Plane
Offset = tuple[float, float]
FAINTEST = 0.5
"""Strength of the slightest damage: what an inspector would not see is not drawn as one."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A damaged place in its own coordinates."""

    x: Plane
    y: Plane
    """Metres from its middle."""
    inside: Plane
    """1 in the place, 0 outside, soft at a ragged border."""
    radius: float
    severity: float
    offset: Offset


def paint_damage(albedo: Albedo, damage: Damage, east: Plane, north: Plane, box_size: Offset) -> None:
    """Draw the damage onto the colours in place; nothing happens where the picture does not show it."""
    radius = math.sqrt(max(damage.share, 0.002) * box_size[0] * box_size[1] / math.pi)
    x = east - np.float32(damage.at[0] * box_size[0])
    y = north - np.float32(damage.at[1] * box_size[1])
    near = (np.abs(x) < 1.8 * radius) & (np.abs(y) < 1.8 * radius)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows) or not len(columns):
        return
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    shift = rng_for(damage.seed, 5).uniform(0, 400, 2)
    offset = (float(shift[0]), float(shift[1]))
    x, y = np.ascontiguousarray(x[window]), np.ascontiguousarray(y[window])
    ragged = np.hypot(x, y) / radius + 0.25 * smooth_noise(x, y, cell=max(0.6, radius * 0.7), offset=offset)
    inside = np.clip((1.0 - ragged) * max(2.0, radius * 4), 0.0, 1.0).astype(np.float32)
    strength = FAINTEST + (1.0 - FAINTEST) * damage.severity
    PAINTERS[damage.kind](albedo[window], Spot(x, y, inside, radius, strength, offset))


def _cover(target: Albedo, colour: tuple[float, float, float], weight: Plane) -> None:
    target += (np.array(colour, np.float32) - target) * np.clip(weight, 0.0, 1.0)[..., None]


def _scale(target: Albedo, gain: Plane) -> None:
    target *= gain[..., None]


def _missing_shingles(target: Albedo, spot: Spot) -> None:
    """Straight-edged holes down to the dark underlayment."""
    blocks = smooth_noise(np.floor(spot.x / 0.45), np.floor(spot.y / 0.3), cell=1.0, offset=spot.offset)
    gone = ((blocks > 0.9 - 1.6 * spot.severity) * spot.inside).astype(np.float32)
    _cover(target, (0.16, 0.15, 0.15), gone * 0.9)


def _curled_lifted(target: Albedo, spot: Spot) -> None:
    """Bright edges with a shadow below them, row by row."""
    phase = np.mod(spot.y + 0.05 * smooth_noise(spot.x, spot.y, cell=0.5, offset=spot.offset), 0.45) / 0.45
    lifted = np.clip(smooth_noise(spot.x, spot.y * 2, cell=0.6, offset=spot.offset) + spot.severity, 0.0, 1.0)
    _scale(target, 1.0 + spot.inside * lifted * spot.severity * (0.6 * (phase < 0.3) - 0.55 * (phase > 0.7)))


def _moss_algae(target: Albedo, spot: Spot) -> None:
    """Green to black growth in blotches."""
    growth = np.clip(
        smooth_noise(spot.x, spot.y, cell=0.7, offset=spot.offset) + 0.9 * spot.severity, 0.0, 1.0
    )
    _cover(target, (0.20, 0.27, 0.14), spot.inside * growth * 0.8)


def _rust_stains(target: Albedo, spot: Spot) -> None:
    """Orange-brown runs in one direction."""
    runs = np.clip(
        smooth_noise(spot.x, spot.y / 6.0, cell=0.5, offset=spot.offset) + spot.severity - 0.2, 0.0, 1.0
    )
    _cover(target, (0.52, 0.27, 0.12), spot.inside * runs * 0.75)


def _hail_dents(target: Albedo, spot: Spot) -> None:
    """Scattered dark bruises of about a hand's width with a pale rim."""
    field = smooth_noise(spot.x, spot.y, cell=0.38, offset=spot.offset)
    limit = 1.9 - 0.9 * spot.severity
    _scale(
        target,
        1.0 - spot.inside * (0.5 * (field > limit) - 0.25 * ((field > limit - 0.4) & (field <= limit))),
    )


def _cracked_tiles(target: Albedo, spot: Spot) -> None:
    """Dark cracks and slipped edges where a field crosses zero."""
    field = smooth_noise(spot.x, spot.y, cell=1.1, offset=spot.offset)
    cracks = np.clip(1.0 - np.abs(field) * 5.0, 0.0, 1.0)
    _scale(target, 1.0 - spot.inside * cracks * (0.4 + 0.45 * spot.severity))


def _ponding_water(target: Albedo, spot: Spot) -> None:
    """A dark, smooth pool that mirrors the sky at its middle, with a dirt ring."""
    depth = np.clip(1.0 - np.hypot(spot.x, spot.y) / spot.radius, 0.0, 1.0)
    _cover(target, (0.24, 0.28, 0.33), spot.inside * (0.45 + 0.4 * spot.severity))
    _cover(target, (0.62, 0.68, 0.75), spot.inside * np.clip(depth - 0.45, 0.0, 1.0) * 0.9)


def _damaged_flashing(target: Albedo, spot: Spot) -> None:
    """A bent bright strip, broken and stained beside it."""
    line = spot.y - 0.25 * np.sin(spot.x * 2.2 + spot.offset[0])
    whole = smooth_noise(spot.x, spot.y, cell=0.8, offset=spot.offset) > spot.severity - 0.7
    near = (np.abs(spot.x) < spot.radius * 1.4).astype(np.float32)
    _cover(target, (0.80, 0.80, 0.78), near * whole * np.clip(1.3 - np.abs(line) / 0.2, 0.0, 1.0))
    _cover(
        target,
        (0.22, 0.17, 0.13),
        near * np.clip(1.0 - np.abs(line + 0.4) / 0.4, 0.0, 1.0) * 0.85 * spot.severity,
    )


def _sagging(target: Albedo, spot: Spot) -> None:
    """A hollow: shaded on the side away from the light, bright on the other."""
    reach = np.clip(1.3 - np.hypot(spot.x, spot.y) / spot.radius, 0.0, 1.0)
    _scale(target, 1.0 + reach * spot.severity * np.clip(1.3 * spot.y / spot.radius, -1.0, 1.0))


def _tree_damage(target: Albedo, spot: Spot) -> None:
    """A torn hole with branches and leaves across it."""
    torn = spot.inside * (smooth_noise(spot.x, spot.y, cell=0.9, offset=spot.offset) > 0.7 - spot.severity)
    _cover(target, (0.13, 0.11, 0.10), torn.astype(np.float32) * 0.9)
    limb = np.abs(spot.x * 0.8 + spot.y * 0.6 + 0.2 * np.sin(spot.y * 3)) / 0.18
    near = (np.hypot(spot.x, spot.y) < spot.radius * 1.5).astype(np.float32)
    _cover(target, (0.30, 0.23, 0.16), near * np.clip(1.4 - limb, 0.0, 1.0))
    leaves = smooth_noise(spot.x, spot.y, cell=0.45, offset=spot.offset) > 1.2 - 0.5 * spot.severity
    _cover(target, (0.24, 0.36, 0.16), spot.inside * leaves * 0.8)


PAINTERS: dict[DamageKind, Callable[[Albedo, Spot], None]] = {
    DamageKind.MISSING_SHINGLES: _missing_shingles,
    DamageKind.CURLED_LIFTED: _curled_lifted,
    DamageKind.MOSS_ALGAE: _moss_algae,
    DamageKind.RUST_STAINS: _rust_stains,
    DamageKind.HAIL_DENTS: _hail_dents,
    DamageKind.CRACKED_TILES: _cracked_tiles,
    DamageKind.PONDING_WATER: _ponding_water,
    DamageKind.DAMAGED_FLASHING: _damaged_flashing,
    DamageKind.SAGGING: _sagging,
    DamageKind.TREE_DAMAGE: _tree_damage,
}
