"""Colour of a roof surface by place on it: covering, age, then damage. Nadir and street views share it."""

from dataclasses import dataclass

import numpy as np

from shared.sandbox.render.damage import paint_damage
from shared.sandbox.render.noise import Plane, smooth_noise
from shared.sandbox.render.palette import COVERINGS, Colour, Covering, colour_of
from shared.sandbox.render.view import RoofScene, rng_for

Albedo = Plane
GRANULE_LOSS = 0.16
"""Relative brightness deviation at wear 1 of the finest texture: bare spots the size of a shingle's tab."""
MIN_LINE_PX = 2.2
"""Lines closer together than this blur into the mean and are not drawn."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Coordinates of every pixel of a picture on the roof, in metres."""

    along: Plane
    """Along the eave."""
    up: Plane
    """Up the slope from the eave."""
    east: Plane
    north: Plane
    """Plan position relative to the south-west corner of the footprint's box."""
    box_size: tuple[float, float]
    metres_per_pixel: float


@dataclass(frozen=True, slots=True)
class Ageing:
    """How one roof wears: the house's own factors on the covering's table."""

    fading: float
    mottling: float
    streaking: float
    wearing: float
    granules: float
    patchiness: float
    """Variation of a new roof that says nothing about its age."""
    offset: tuple[float, float]


def ageing_of(seed: int) -> Ageing:
    """Factors of a house, always the same for its seed."""
    rng = rng_for(seed, 21)
    fading, mottling, streaking, wearing, granules = np.exp(rng.normal(0.0, (0.10, 0.05, 0.08, 0.05, 0.05)))
    shift = rng.uniform(0, 500, 2)
    return Ageing(
        float(fading),
        float(mottling),
        float(streaking),
        float(wearing),
        float(granules),
        float(rng.uniform(0.025, 0.045)),
        (float(shift[0]), float(shift[1])),
    )


def paint_roof(scene: RoofScene, surface: Surface, changes: list[Plane] | None = None) -> Albedo:
    """RGB of the roof under even light, with its wear and every damaged place.

    A list given for `changes` receives, a damage each, what it added to every pixel's colour.
    """
    covering = COVERINGS[scene.material]
    ageing = ageing_of(scene.seed)
    albedo = weathered(colour_of(scene.material, scene.colour), covering, scene.wear, ageing, surface)
    for damage in scene.damages:
        before = None if changes is None else albedo.copy()
        paint_damage(albedo, damage, surface.east, surface.north, surface.box_size)
        if changes is not None and before is not None:
            changes.append(albedo - before)
    return albedo


def weathered(base: Colour, covering: Covering, wear: float, ageing: Ageing, surface: Surface) -> Albedo:
    """The covering after this much wear: faded, mottled, streaked and worn through in places."""
    x, y, shift = surface.along, surface.up, ageing.offset
    faded = min(0.9, covering.fading * ageing.fading * wear)
    tone = np.array(base, np.float32) * (1 - faded) + np.array(covering.weathered, np.float32) * faded
    blotches = 0.6 * smooth_noise(x, y, cell=1.3, offset=shift) + 0.8 * smooth_noise(
        x, y, cell=0.5, offset=shift
    )
    gain = 1.0 + (covering.mottling * ageing.mottling * wear) * blotches
    gain += (GRANULE_LOSS * ageing.granules * wear) * smooth_noise(
        x, y, cell=0.32, offset=(shift[0], -shift[1])
    )
    gain += ageing.patchiness * smooth_noise(x, y, cell=0.36, offset=(shift[1], shift[0]))
    streaks = np.clip(smooth_noise(x, y / 8.0, cell=0.7, offset=shift), 0.0, 2.0)
    gain *= 1.0 - (covering.streaking * ageing.streaking * wear**1.4) * 0.6 * streaks
    _draw_lines(gain, covering, surface)
    albedo = (tone[None, None, :] * gain[..., None]).astype(np.float32)
    return _wear_through(albedo, covering, wear * ageing.wearing, shift, surface)


def _wear_through(
    albedo: Albedo, covering: Covering, wear: float, shift: tuple[float, float], surface: Surface
) -> Albedo:
    share = covering.wearing_through * wear**2
    if share < 0.004:
        return albedo
    field = smooth_noise(surface.along, surface.up, cell=0.8, offset=(shift[0] + 91, shift[1] + 37))
    limit = np.float32(_upper_quantile(share))
    bare = np.clip((field - limit) * 3.0, 0.0, 1.0)[..., None]
    colour = np.array(covering.weathered, np.float32) * 0.55
    worn: Albedo = albedo * (1 - 0.8 * bare) + colour * (0.8 * bare)
    return worn


def _upper_quantile(share: float) -> float:
    """Value a standard normal exceeds with this probability (Hastings' rational approximation)."""
    t = float(np.sqrt(-2.0 * np.log(min(share, 0.5))))
    return t - (2.30753 + 0.27061 * t) / (1.0 + 0.99229 * t + 0.04481 * t * t)


def _draw_lines(gain: Plane, covering: Covering, surface: Surface) -> None:
    for coordinate, period in ((surface.up, covering.course_m), (surface.along, covering.rib_m)):
        if period < MIN_LINE_PX * surface.metres_per_pixel:
            continue
        phase = np.mod(coordinate, period) / period
        gain *= 1.0 - covering.relief * np.clip(1.0 - phase * 4.0, 0.0, 1.0)
