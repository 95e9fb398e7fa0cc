"""What a picture truly shows: the target's roof and every damage that can be seen at its resolution."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.sandbox.render.atmosphere import Capture, Picture, softened
from shared.sandbox.render.geometry3d import Camera
from shared.sandbox.render.ground import draw_trees
from shared.sandbox.render.nadir import NadirFrame, lit_roof
from shared.sandbox.render.street import (
    draw_front_trees,
    face_light,
    paste,
    roof_surface,
    visible_faces,
)
from shared.sandbox.render.surface import Surface, paint_roof
from shared.sandbox.render.view import RoofScene
from shared.sandbox.town.model import Damage

Mask = NDArray[np.bool_]
LEAST_CHANGE = 0.05
"""A pixel shows a damage where it is this much darker, brighter or otherwise coloured (0..1) for it."""
LEAST_CONTRAST = 0.7
"""A damage whose mean change is less than this times the roof's own spread of brightness is lost in it."""
LEAST_PIXELS, LEAST_SIDE_PX = 12, 4
"""A damage of fewer changed pixels, or of a narrower box, cannot be told from grain."""
SPECKLE_GAP_M = 0.5
"""Changed places closer than this are one damage: hail leaves bruises, not a surface."""
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SeenDamage:
    """One damage as a picture shows it."""

    damage: Damage
    mask: Mask
    box: Box
    """Left, top, right, bottom in pixels, right and bottom exclusive."""


@dataclass(frozen=True, slots=True)
class PictureTruth:
    """The target's roof and its visible damages."""

    roof: Mask
    """The whole roof, under leaves too."""
    damages: tuple[SeenDamage, ...]

    @property
    def damaged(self) -> Mask:
        """All damages together."""
        together: Mask = np.zeros_like(self.roof)
        for seen in self.damages:
            together |= seen.mask
        return together


def nadir_truth(scene: RoofScene, capture: Capture, frame: NadirFrame) -> PictureTruth:
    """The truth of the tile that `render_nadir` draws into this frame."""
    roof = frame.mask(scene.footprint_m) > 127
    layers = _Layers.blank(scene, frame.size_px)
    lit = lit_roof(scene, capture, frame)
    if lit is not None:
        layers.roof[lit.window], *changes = _painted(scene, lit.surface)
        for layer, change in zip(layers.changes, changes, strict=True):
            layer[lit.window] = change * lit.light[..., None]
    leaves = _leaves(
        frame.size_px,
        lambda blank: draw_trees(blank, scene, capture, frame.to_pixels, frame.metres_per_pixel),
    )
    seen = _seen_damages(scene, layers, roof & ~leaves, capture, frame.metres_per_pixel)
    return PictureTruth(roof, seen)


def street_truth(scene: RoofScene, capture: Capture, camera: Camera) -> PictureTruth:
    """The truth of the picture that `render_street` takes with this camera."""
    cover = np.zeros((camera.size_px, camera.size_px, 3), np.float32)
    layers = _Layers.blank(scene, camera.size_px)
    for face in visible_faces(scene, camera):
        if not face.roof:
            continue
        light = np.float32(face_light(face, capture))
        colours, *changes = _painted(scene, roof_surface(scene, face))
        paste(cover, np.ones_like(colours), face, camera)
        paste(layers.roof, colours, face, camera)
        for layer, change in zip(layers.changes, changes, strict=True):
            paste(layer, change * light, face, camera)
    leaves = _leaves(camera.size_px, lambda blank: draw_front_trees(blank, capture, camera))
    roof = cover[..., 0] > 0.5
    metres = math.hypot(camera.east_m, camera.north_m) / camera.focal_px
    return PictureTruth(roof, _seen_damages(scene, layers, roof & ~leaves, capture, metres))


@dataclass(frozen=True, slots=True)
class _Layers:
    """What the picture's pixels show."""

    roof: Picture
    """The roof's colours under even light."""
    changes: tuple[Picture, ...]
    """What each damage adds in this light: bright and dark lines that fall on one pixel cancel out."""

    @classmethod
    def blank(cls, scene: RoofScene, size_px: int) -> "_Layers":
        shape = (size_px, size_px, 3)
        return cls(np.zeros(shape, np.float32), tuple(np.zeros(shape, np.float32) for _ in scene.damages))


def _painted(scene: RoofScene, surface: Surface) -> list[Picture]:
    """The roof's colours, then what every damage added to them."""
    changes: list[Picture] = []
    return [paint_roof(scene, surface, changes), *changes]


def _leaves(size_px: int, draw: Callable[[Picture], None]) -> Mask:
    """Where trees hide what lies below: on black, shadows stay black and leaves do not."""
    blank = np.zeros((size_px, size_px, 3), np.float32)
    draw(blank)
    return np.asarray(blank.max(axis=2) > 0.04)


def _clearness(capture: Capture) -> float:
    """How much of a difference in colour reaches the file."""
    return (1 - capture.haze) * capture.contrast * capture.exposure


def _seen_damages(
    scene: RoofScene, layers: _Layers, visible: Mask, capture: Capture, metres_per_pixel: float
) -> tuple[SeenDamage, ...]:
    if not visible.any():
        return ()
    clearness = _clearness(capture)
    low, high = np.percentile(layers.roof[visible].mean(axis=1), (16, 84))
    needed = max(LEAST_CHANGE, LEAST_CONTRAST * float(high - low) / 2 * clearness)
    seen = [
        _seen(
            damage,
            np.abs(softened(change, capture)).max(axis=2) * clearness,
            visible,
            metres_per_pixel,
            needed,
        )
        for damage, change in zip(scene.damages, layers.changes, strict=True)
    ]
    return tuple(each for each in seen if each is not None)


def _seen(
    damage: Damage, change: NDArray[Any], visible: Mask, metres_per_pixel: float, needed: float
) -> SeenDamage | None:
    changed = (change > LEAST_CHANGE) & visible
    if int(changed.sum()) < LEAST_PIXELS or float(change[changed].mean()) < needed:
        return None
    reach = max(1, round(SPECKLE_GAP_M / metres_per_pixel))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    framed = cv2.copyMakeBorder(changed.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel)[reach:-reach, reach:-reach]
    mask = (closed > 0) & visible
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    if min(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE_PX:
        return None
    return SeenDamage(damage, mask, box)
