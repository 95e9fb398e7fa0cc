"""Colour and texture of the masked part of a picture, and how clear the picture is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Plane = NDArray[np.floating[Any]]
BANDS_PX = ((0.0, 0.8), (0.8, 1.6), (1.6, 3.2), (3.2, 6.4))
"""Each band keeps what lies between two blurs: from grain to blotches of about a metre."""
SHARES = (25, 50, 75, 95)
TAILS = (1, 4, 12, 30, 70, 88, 96, 99)
MIN_PIXELS = 60

SURFACE_NAMES: tuple[str, ...] = (
    *(f"band{band}_p{share}" for band in range(len(BANDS_PX)) for share in SHARES),
    "band1_skew",
    "band2_skew",
    *(f"band{band}_q{share}" for band in range(3) for share in TAILS),
    "dark_share",
    "bright_share",
    "low5",
    "high95",
    "light",
    "light_relative",
    "red_green",
    "yellow_blue",
    "red_green_spread",
    "yellow_blue_spread",
    "green_share",
    "rust_share",
    "coherence",
)
CLARITY_NAMES: tuple[str, ...] = (
    "clear_grain",
    "clear_edges",
    "haze",
    "scene_light",
    "scene_contrast",
    "scene_green",
)


def surface_features(pixels: Pixels, mask: Mask) -> NDArray[np.float32] | None:
    """Values by SURFACE_NAMES for the masked pixels; None where too few are left."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if int(inner.sum()) < MIN_PIXELS:
        return None
    light = np.log(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0 + 0.05)
    values: list[float] = []
    bands = [_band(light, low, high) for low, high in BANDS_PX]
    for index, band in enumerate(bands):
        spread = np.sqrt(np.maximum(cv2.blur(band * band, (_window(index), _window(index))), 0.0))
        values += [float(np.log(value + 1e-3)) for value in np.percentile(spread[inner], SHARES)]
    values += [_skew(bands[1][inner]), _skew(bands[2][inner])]
    for band in bands[:3]:
        values += [float(value) * 10 for value in np.percentile(band[inner], TAILS)]
    values += _outliers(light, inner)
    values += _colour(pixels, inner, light)
    values.append(_coherence(light, inner))
    return np.asarray(values, np.float32)


def clarity_features(pixels: Pixels, roof: Mask) -> NDArray[np.float32]:
    """Values by CLARITY_NAMES for what is not the roof: light, haze and blur tell how to read the roof."""
    around = ~roof
    light = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    logged = np.log(light + 0.05)
    grain, edges = np.abs(_band(logged, *BANDS_PX[0])), np.abs(_band(logged, *BANDS_PX[1]))
    darkest = pixels.min(axis=2)
    low, middle, high = (float(value) for value in np.percentile(light, (5, 50, 95)))
    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    values = (
        float(np.log(np.median(grain[around]) + 1e-4)),
        float(np.log(np.percentile(edges[around], 95) + 1e-4)),
        float(np.percentile(darkest, 2)) / 255.0,
        middle,
        high - low,
        float(np.mean((green > red + 6) & (green > blue + 6))),
    )
    return np.asarray(values, np.float32)


def _band(light: Plane, low: float, high: float) -> Plane:
    fine = cv2.GaussianBlur(light, (0, 0), low) if low > 0 else light
    return fine - cv2.GaussianBlur(light, (0, 0), high)


def _window(band: int) -> int:
    return (7, 9, 13, 17)[band]


def _skew(values: Plane) -> float:
    deviation = float(values.std()) + 1e-6
    return float(np.mean(((values - values.mean()) / deviation) ** 3))


def _outliers(light: Plane, inner: Mask) -> list[float]:
    """Dark and bright places against their surroundings of about three metres."""
    weight = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), 10.0) + 1e-4
    near = cv2.GaussianBlur(light * inner, (0, 0), 10.0) / weight
    against = (light - near)[inner]
    low, high = (float(value) for value in np.percentile(against, (5, 95)))
    return [float(np.mean(against < -0.30)), float(np.mean(against > 0.22)), low, high]


def _colour(pixels: Pixels, inner: Mask, light: Plane) -> list[float]:
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    first, second = lab[..., 1][inner] - 128.0, lab[..., 2][inner] - 128.0
    red, green, blue = (pixels[..., channel][inner].astype(np.int16) for channel in range(3))
    return [
        float(light[inner].mean()),
        float(light[inner].mean() - np.median(light)),
        float(first.mean()) / 20,
        float(second.mean()) / 20,
        float(first.std()) / 10,
        float(second.std()) / 10,
        float(np.mean((green > red + 8) & (green > blue + 8))),
        float(np.mean((red > green + 25) & (green > blue + 10))),
    ]


def _coherence(light: Plane, inner: Mask) -> float:
    """1 where all lines run in one direction, 0 where none does."""
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    a, b, c = (float(np.mean(value[inner])) for value in (across**2, down**2, across * down))
    return float(np.hypot(a - b, 2 * c) / (a + b + 1e-6))
