"""How much an analysis can see in a picture, in numbers."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np

from services.image_processor.domain.quality import Quality
from shared.schemas.enums import ViewAngle

MEASURED_SIDE: Final = 512
"""Longest side that is measured; smaller pictures stay as they are, since enlarging would look like blur."""
ONE_COLOUR_LEVELS, ONE_COLOUR_SHARE = 2, 0.8
"""Within two levels of its commonest colour lie 0.53 of a real roof at most (398 tiles), 0.97 of a "no imagery" tile."""

VEIL_SATURATION, VEIL_VALUE, VEIL_GRADIENT = 30, 190, 9.0
"""A cloud is white and smooth (mean gradient 4 to 7); white roofs have seams and gravel (17 and more)."""
CLOUD_SHARE: Final = 0.25

DIM_MEAN, BLACK_MEAN = 50.0, 15.0
BLACK_COST: Final = 90.0

SHARP_LEFT, BLURRED_LEFT = 0.2, 0.45
BLURRED_COST: Final = 60.0
"""Detail that survives one more blur was blurred before: 0.00 to 0.16 of it on real tiles, 0.5 at two pixels of blur."""
REBLUR_SIGMA: Final = 1.5

Pixels = np.ndarray[Any, Any]


def quality_of(image: Pixels, view: ViewAngle = ViewAngle.OVERHEAD) -> Quality:
    """The quality of BGR pixels: 100 less what each fault costs; a placeholder is worth nothing."""
    small = _measured(image)
    if _is_placeholder(small):
        return Quality(0, ("placeholder",))
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    # From the street a white sky is no fault.
    cloud = _cloud_share(small, grey) if view is ViewAngle.OVERHEAD else 0.0
    costs = {
        "cloud": 100 * cloud if cloud > CLOUD_SHARE else 0.0,
        "dark": BLACK_COST * _part(DIM_MEAN - float(grey.mean()), DIM_MEAN - BLACK_MEAN),
        "blur": BLURRED_COST * _part(_detail_left(grey) - SHARP_LEFT, BLURRED_LEFT - SHARP_LEFT),
    }
    faults = tuple(name for name, cost in costs.items() if cost > 0)
    return Quality(round(max(0.0, 100 - sum(costs.values()))), faults)


def _part(amount: float, whole: float) -> float:
    """How far an amount goes, 0 at nothing, 1 at the whole, and on beyond it."""
    return max(0.0, amount / whole)


def _measured(image: Pixels) -> Pixels:
    scale = MEASURED_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _is_placeholder(image: Pixels) -> bool:
    commonest = [int(np.bincount(image[..., channel].ravel()).argmax()) for channel in range(3)]
    least = tuple(level - ONE_COLOUR_LEVELS for level in commonest)
    most = tuple(level + ONE_COLOUR_LEVELS for level in commonest)
    return float(cv2.inRange(image, least, most).mean()) > ONE_COLOUR_SHARE * 255


def _cloud_share(image: Pixels, grey: Pixels) -> float:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    level = grey.astype(np.float32)
    gradient = cv2.magnitude(cv2.Sobel(level, cv2.CV_32F, 1, 0), cv2.Sobel(level, cv2.CV_32F, 0, 1))
    smooth = cv2.blur(gradient, (9, 9)) < VEIL_GRADIENT
    return float(np.mean((hsv[..., 1] < VEIL_SATURATION) & (hsv[..., 2] > VEIL_VALUE) & smooth))


def _detail_left(grey: Pixels) -> float:
    """The share of fine detail that one more blur leaves; 1 where there was none."""
    before = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    after = float(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), REBLUR_SIGMA), cv2.CV_32F).var())
    return after / before if before > 0 else 1.0
