"""What lies around a house: lawn, street, driveway, trees."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.sandbox.render.atmosphere import Capture, Picture, sun_direction
from shared.sandbox.render.noise import Plane, fine_grain, smooth_noise
from shared.sandbox.render.view import RoofScene, rng_for
from shared.sandbox.town.geometry import MetrePoint

SUMMER_LAWN = np.array((0.33, 0.42, 0.22), np.float32)
WINTER_LAWN = np.array((0.50, 0.46, 0.33), np.float32)
ASPHALT = np.array((0.40, 0.40, 0.41), np.float32)
CONCRETE = np.array((0.68, 0.67, 0.64), np.float32)
STREET_HALF_WIDTH_M = 4.5
ToPixels = Callable[[tuple[MetrePoint, ...]], NDArray[np.float32]]


def lawn_colour(capture: Capture, seed: int) -> Picture:
    """Mean colour of this lawn on the day: green in summer, straw in winter, watered or not."""
    watered = 0.35 + 0.65 * float(rng_for(seed, 71).random())
    green = capture.greenness * watered
    return SUMMER_LAWN * green + WINTER_LAWN * (1 - green)


def draw_ground(scene: RoofScene, capture: Capture, metres: tuple[Plane, Plane]) -> Picture:
    """Lawn, street and driveway under the whole tile."""
    east, north = metres
    rng = rng_for(scene.seed, 72)
    offset = (float(rng.uniform(0, 300)), float(rng.uniform(0, 300)))
    height, width = east.shape
    wide = smooth_noise(east[::4, ::4], north[::4, ::4], cell=5.0, offset=offset)
    gain = 1.0 + np.float32(0.10) * cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR)
    gain += np.float32(0.05) * fine_grain((height, width), rng)
    lawn = lawn_colour(capture, scene.seed)
    picture: Picture = cv2.merge([gain * lawn[channel] for channel in range(3)])
    bearing = math.radians(scene.front_bearing_deg)
    ahead = east * math.sin(bearing) + north * math.cos(bearing)
    aside = east * math.cos(bearing) - north * math.sin(bearing)
    grain = 1.0 + 0.04 * (gain - 1.0) / 0.1
    _lay_driveway(picture, scene, ahead, aside, grain)
    for half, colour in ((STREET_HALF_WIDTH_M + 1.5, CONCRETE), (STREET_HALF_WIDTH_M, ASPHALT)):
        inside = np.abs(ahead - scene.street_distance_m) < half
        picture[inside] = colour * grain[inside][:, None]
    return picture


def _lay_driveway(picture: Picture, scene: RoofScene, ahead: Plane, aside: Plane, grain: Plane) -> None:
    rng = rng_for(scene.seed, 73)
    side = float(rng.choice((-1.0, 1.0))) * float(rng.uniform(3.0, 6.0))
    inside = (np.abs(aside - side) < 2.4) & (ahead > 0) & (ahead < scene.street_distance_m)
    picture[inside] = CONCRETE * grain[inside][:, None]


def draw_trees(
    picture: Picture, scene: RoofScene, capture: Capture, to_pixels: ToPixels, metres_per_pixel: float
) -> None:
    """Tree crowns with their shadows; some hang over a corner of the roof."""
    rng = rng_for(scene.seed, 74)
    sun_east, sun_north, sun_up = sun_direction(capture)
    west, south, east, north = scene.box
    reach = 0.5 * math.hypot(east - west, north - south)
    for _ in range(int(rng.integers(1, 6))):
        bearing, radius = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(1.2, 3.4))
        distance = reach + float(rng.uniform(-0.5, 9.0))
        middle = (distance * math.sin(bearing), distance * math.cos(bearing))
        thrown = radius * 1.4 * math.sqrt(1 - sun_up**2) / sun_up
        shadow = (middle[0] - sun_east * thrown, middle[1] - sun_north * thrown)
        draw_disc(picture, to_pixels((shadow,))[0], radius / metres_per_pixel, None, rng)
        draw_disc(
            picture, to_pixels((middle,))[0], radius / metres_per_pixel, crown_colour(capture, rng), rng
        )


def crown_colour(capture: Capture, rng: np.random.Generator) -> Picture:
    """Colour of one tree on the day: leaves in summer, bare wood in winter."""
    leaf = np.array((0.20, 0.30, 0.13), np.float32) * np.float32(rng.uniform(0.8, 1.25))
    bare = np.array((0.38, 0.34, 0.28), np.float32)
    crown: Picture = leaf * np.float32(capture.greenness) + bare * np.float32(1 - capture.greenness)
    return crown


def draw_disc(
    picture: Picture,
    middle: NDArray[np.float32],
    radius_px: float,
    colour: Picture | None,
    rng: np.random.Generator,
) -> None:
    """A ragged disc: shade where no colour is given, leaves where one is."""
    size = picture.shape[0]
    left, top = max(0, int(middle[0] - radius_px * 1.3)), max(0, int(middle[1] - radius_px * 1.3))
    right, bottom = (
        min(size, int(middle[0] + radius_px * 1.3) + 1),
        min(size, int(middle[1] + radius_px * 1.3) + 1),
    )
    if right <= left or bottom <= top:
        return
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    offset = (float(rng.uniform(0, 300)), float(rng.uniform(0, 300)))
    leaves = smooth_noise(columns, rows, cell=max(2.0, radius_px / 3), offset=offset)
    away = np.hypot(columns - middle[0], rows - middle[1]) / radius_px + 0.12 * leaves
    weight = np.clip((1.0 - away) * 6.0, 0.0, 1.0)[..., None].astype(np.float32)
    target = picture[top:bottom, left:right]
    if colour is None:
        target *= 1.0 - 0.45 * weight
        return
    crown = colour * (1.0 + 0.25 * leaves[..., None])
    target += (cv2.GaussianBlur(crown.astype(np.float32), (0, 0), 0.7) - target) * weight
