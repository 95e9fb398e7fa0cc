"""Where the roof of interest lies in a picture, without a trained model."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
COARSE_M = 0.3
SURE_WITHIN_M, LIKELY_WITHIN_M, NEVER_BEYOND_M = 2.2, 5.0, 13.0
READ_WITHIN_M = 7.0
"""Where the outline leaks onto the ground it does so far from the middle; this much roof says enough."""
ROUNDS = 2
STREET_STRIP = 0.16
"""A roof reaches at most this share of the picture's height below the skyline."""
STEP_LIGHT = 0.10
"""Change of light from one row to the next that ends the sky or the roof."""


def roof_from_above(pixels: Pixels, metres_per_pixel: float) -> Mask:
    """Pixels that look like the surface at the picture's middle and hang together with it."""
    scale = metres_per_pixel / COARSE_M
    small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = small.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot(rows - height / 2, columns - width / 2) * COARSE_M
    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    labels[away < LIKELY_WITHIN_M] = cv2.GC_PR_FGD
    labels[away > NEVER_BEYOND_M] = cv2.GC_BGD
    labels[_is_green(small)] = cv2.GC_BGD
    labels[away < SURE_WITHIN_M] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    cv2.grabCut(
        small, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    inside = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, parts = cv2.connectedComponents(inside)
    middle = parts[height // 2, width // 2]
    target = (parts == middle) & (away < READ_WITHIN_M) if middle else away < LIKELY_WITHIN_M
    wide = cv2.resize(
        target.astype(np.uint8), (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(wide, bool)


def roof_from_street(pixels: Pixels) -> Mask:
    """The strip below the skyline in the middle of the picture, down to the eave."""
    height, width = pixels.shape[:2]
    light = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (3, 3), 0).astype(np.float32) / 255.0
    sky = _sky(pixels)
    ground = np.argmin(np.cumprod(sky, axis=0), axis=0)
    rows = np.arange(height)[:, None]
    below = rows - ground[None, :]
    step = np.zeros_like(light)
    step[2:] = light[2:] - light[:-2]
    ends = (np.abs(step) > STEP_LIGHT * 1.6) & (below > 6)
    open_above = np.cumsum(ends, axis=0) == 0
    strip = (below > 2) & (below < STREET_STRIP * height) & open_above
    middle = slice(int(0.22 * width), int(0.78 * width))
    mask = np.zeros((height, width), bool)
    mask[:, middle] = strip[:, middle]
    mask &= ~_is_green(pixels)
    return _largest(mask)


def _sky(pixels: Pixels) -> Mask:
    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    bluish = (blue >= green) & (green >= red - 2) & (blue > 90)
    pale = (pixels.min(axis=2) > 150) & (blue >= red)
    smooth = cv2.blur(np.abs(cv2.Laplacian(pixels[..., 1], cv2.CV_32F)), (5, 5)) < 9.0
    return np.asarray((bluish | pale) & smooth, bool)


def _is_green(pixels: Pixels) -> Mask:
    red, green, blue = (pixels[..., channel].astype(np.int16) for channel in range(3))
    return np.asarray((green > red + 7) & (green > blue + 12), bool)


def _largest(mask: Mask) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), bool)
