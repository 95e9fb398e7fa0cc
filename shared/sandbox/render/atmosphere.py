"""Everything between the roof and the file: light, season, haze, blur, sensor."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.sandbox.render.noise import fine_grain
from shared.sandbox.render.view import rng_for

Picture = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
SHARP_PX = 0.2
"""Blur of no more than this shows nowhere."""
HAZE_COLOUR = np.array((0.78, 0.82, 0.88), np.float32)


@dataclass(frozen=True, slots=True)
class Capture:
    """Conditions under which one picture was taken."""

    captured_on: date
    sun_azimuth_deg: float
    sun_elevation_deg: float
    exposure: float
    warmth: float
    """Relative gain of red over blue, 0 neutral."""
    haze: float
    blur_px: float
    grain: float
    contrast: float
    seed: int

    @property
    def greenness(self) -> float:
        """0 bare winter to 1 full summer leaf (northern half)."""
        return 0.5 - 0.5 * math.cos((self.captured_on.timetuple().tm_yday - 20) / 365.0 * 2 * math.pi)


def capture_on(captured_on: date, seed: int, *salt: int) -> Capture:
    """Conditions of a picture taken that day; the same seed and salt give the same light."""
    rng = rng_for(seed, 31, *salt)
    return Capture(
        captured_on=captured_on,
        sun_azimuth_deg=float(rng.uniform(110, 250)),
        sun_elevation_deg=float(rng.uniform(35, 70)),
        exposure=float(np.exp(rng.normal(0.0, 0.10))),
        warmth=float(rng.normal(0.0, 0.03)),
        haze=float(rng.beta(1.2, 9.0) * 0.45),
        blur_px=float(rng.gamma(2.0, 0.17)),
        grain=float(rng.uniform(0.003, 0.012)),
        contrast=float(rng.uniform(0.95, 1.05)),
        seed=int(rng.integers(2**31)),
    )


def develop(picture: Picture, capture: Capture) -> Pixels:
    """The picture as a camera stores it: RGB bytes with the capture's haze, blur, exposure and grain."""
    gains = np.array((1 + capture.warmth, 1.0, 1 - capture.warmth)) * capture.exposure
    weight = (1 - capture.haze) * capture.contrast
    lift = capture.haze * HAZE_COLOUR + (1 - capture.contrast) * 0.45
    affine = np.column_stack((np.diag(gains * weight), lift)).astype(np.float32)
    seen = softened(np.asarray(cv2.transform(picture, affine), np.float32), capture)
    grain = fine_grain((seen.shape[0], seen.shape[1]), rng_for(capture.seed, 3)) * np.float32(capture.grain)
    grainy = cv2.add(seen, cv2.merge((grain, grain, grain)))
    return cv2.convertScaleAbs(np.maximum(grainy, 0.0), alpha=255.0).astype(np.uint8, copy=False)


def softened(picture: Picture, capture: Capture) -> Picture:
    """The picture as sharp as the capture's optics let it be."""
    if capture.blur_px <= SHARP_PX:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), capture.blur_px), np.float32)


def sun_direction(capture: Capture) -> tuple[float, float, float]:
    """Unit vector toward the sun as (east, north, up)."""
    azimuth, elevation = math.radians(capture.sun_azimuth_deg), math.radians(capture.sun_elevation_deg)
    flat = math.cos(elevation)
    return flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation)


def brightness(normal: tuple[float, float, float], capture: Capture) -> float:
    """Light on a surface relative to level ground, ambient sky included."""
    sun = sun_direction(capture)
    direct = max(0.0, sum(a * b for a, b in zip(normal, sun, strict=True)))
    return (0.42 + 0.58 * direct) / (0.42 + 0.58 * sun[2])
