"""Views of a picture that show one kind of damage to a human eye (S4-3.3.1-f4); no model reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np

from services.image_processor.domain.keys import DamageView

GREEN_HUES: Final = (35, 90)
RUST_HUES: Final = (-12, 20)
"""OpenCV's hues of half degrees: reds lie on both sides of 0."""
COLOURED: Final = 40
REST_LIGHT: Final = 0.45
RUST_SATURATION: Final = 1.8
SHADOW_SIGMA, SHADOW_GAIN = 9.0, 3.0
CONTRAST_LIMIT, CONTRAST_TILES = 3.0, (8, 8)

Pixels = np.ndarray[Any, Any]


def edges(image: Pixels) -> Pixels:
    """Outlines alone: tabs that are gone leave steps and bare rectangles."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    strength = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    strongest = max(1.0, float(np.percentile(strength, 99)))
    return _grey_picture(strength * (255 / strongest))


def green_alone(image: Pixels) -> Pixels:
    """Green keeps its colour, everything else turns to dim grey: moss and algae."""
    return np.where(_hues(image, GREEN_HUES)[..., None], image, _dim(image))


def rust_boosted(image: Pixels) -> Pixels:
    """Reds and browns with more colour over dim grey: rusted metal, flashing and their stains."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv[..., 1] = cv2.convertScaleAbs(hsv[..., 1], alpha=RUST_SATURATION)
    vivid = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    return np.where(_hues(image, RUST_HUES)[..., None], vivid, _dim(image))


def shadows(image: Pixels) -> Pixels:
    """Light against its surroundings: lifted edges of curled shingles throw thin shadows."""
    light = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return _grey_picture(128 + SHADOW_GAIN * (light - cv2.GaussianBlur(light, (0, 0), SHADOW_SIGMA)))


def contrast(image: Pixels) -> Pixels:
    """Contrast drawn out place by place: bruises of hail are dull spots of a few centimetres."""
    light, blue, red = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2LAB))
    drawn = cv2.createCLAHE(CONTRAST_LIMIT, CONTRAST_TILES).apply(light)
    return cv2.cvtColor(cv2.merge((drawn, blue, red)), cv2.COLOR_LAB2BGR)


TRANSFORMS: Final[dict[DamageView, Callable[[Pixels], Pixels]]] = {
    DamageView.MISSING_SHINGLES: edges,
    DamageView.MOSS: green_alone,
    DamageView.RUST: rust_boosted,
    DamageView.CURLING: shadows,
    DamageView.HAIL: contrast,
}


def _hues(image: Pixels, hues: tuple[int, int]) -> Pixels:
    """Where a pixel has colour, and a hue between these two."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    beyond_first = (hsv[..., 0].astype(np.int16) - hues[0]) % 180
    return (beyond_first <= hues[1] - hues[0]) & (hsv[..., 1] >= COLOURED)


def _dim(image: Pixels) -> Pixels:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=REST_LIGHT), cv2.COLOR_GRAY2BGR)


def _grey_picture(levels: Pixels) -> Pixels:
    return cv2.cvtColor(np.clip(levels, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
