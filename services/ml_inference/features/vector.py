"""One vector a house from however many pictures there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.features.outline import roof_from_above, roof_from_street
from services.ml_inference.features.texture import (
    CLARITY_NAMES,
    SURFACE_NAMES,
    clarity_features,
    surface_features,
)
from services.ml_inference.models import Pixels, RoofImage
from shared.schemas.enums import ViewAngle

Vector = NDArray[np.float32]
NADIR_M, STREET_M = 0.15, 0.05
"""Pictures are brought to these metres a pixel first, so that a blotch is a blotch at any zoom."""
NADIR_SPAN_M, STREET_SPAN_M = 30.0, 26.0
COARSEST_M = 0.35
"""From above, coarser pictures show no wear and give no features."""
PLAIN_SURFACE = -4.6
"""Median log deviation of the finest band below which a street picture shows a wall, not a roof."""

_VIEW_NAMES = (*SURFACE_NAMES, *CLARITY_NAMES)
FEATURE_NAMES: tuple[str, ...] = (
    "has_above",
    *(f"above_{name}" for name in _VIEW_NAMES),
    "above_area",
    "street_count",
    *(f"street_{name}" for name in _VIEW_NAMES),
    *(f"street_max_{name}" for name in SURFACE_NAMES[:16:4]),
)
_STREET_AT = FEATURE_NAMES.index("street_count")


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """Values by FEATURE_NAMES; zeros stand where a kind of picture is missing."""

    values: Vector

    @property
    def has_above(self) -> bool:
        """A picture from above gave features."""
        return bool(self.values[0] > 0)

    @property
    def has_street(self) -> bool:
        """At least one street picture shows the roof."""
        return bool(self.values[_STREET_AT] > 0)


def features_of(images: Sequence[RoofImage]) -> FeatureVector:
    """The vector of a house; pictures that show no roof count as missing."""
    above = [
        found
        for image in images
        if image.angle is ViewAngle.OVERHEAD and (found := _above(image)) is not None
    ]
    street = [
        found
        for image in images
        if image.angle is not ViewAngle.OVERHEAD and (found := _street(image)) is not None
    ]
    values = np.zeros(len(FEATURE_NAMES), np.float32)
    if above:
        values[0] = 1.0
        values[1:_STREET_AT] = np.mean(above, axis=0)
    if street:
        stacked = np.stack(street)
        values[_STREET_AT] = len(street)
        values[_STREET_AT + 1 : _STREET_AT + 1 + len(_VIEW_NAMES)] = stacked.mean(axis=0)
        values[_STREET_AT + 1 + len(_VIEW_NAMES) :] = stacked.max(axis=0)[:16:4]
    return FeatureVector(values)


def only(vector: FeatureVector, *, above: bool) -> FeatureVector:
    """The vector as if only one kind of picture had been there."""
    values = vector.values.copy()
    if above:
        values[_STREET_AT:] = 0.0
    else:
        values[:_STREET_AT] = 0.0
    return FeatureVector(values)


def _above(image: RoofImage) -> Vector | None:
    if image.detail_m > COARSEST_M:
        return None
    pixels = _at_scale(image, NADIR_M, NADIR_SPAN_M)
    roof = roof_from_above(pixels, NADIR_M)
    surface = surface_features(pixels, roof)
    if surface is None:
        return None
    area = float(np.log(roof.sum() * NADIR_M**2 / 150.0 + 0.05))
    return np.concatenate((surface, clarity_features(pixels, roof), (area,))).astype(np.float32)


def _street(image: RoofImage) -> Vector | None:
    pixels = _at_scale(image, STREET_M, STREET_SPAN_M)
    roof = roof_from_street(pixels)
    surface = surface_features(pixels, roof)
    if surface is None or surface[1] < PLAIN_SURFACE:
        return None
    return np.concatenate((surface, clarity_features(pixels, roof))).astype(np.float32)


def _at_scale(image: RoofImage, metres_per_pixel: float, span_m: float) -> Pixels:
    """The middle of the picture, `span_m` wide at most, at the wanted scale."""
    height, width = image.pixels.shape[:2]
    half = span_m / image.metres_per_pixel / 2
    top, left = max(0, int(height / 2 - half)), max(0, int(width / 2 - half))
    cut = image.pixels[top : height - top, left : width - left]
    factor = image.metres_per_pixel / metres_per_pixel
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(cut, None, fx=factor, fy=factor, interpolation=how).astype(np.uint8, copy=False)
