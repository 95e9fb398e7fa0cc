"""A camera, and the walls and roof planes of a house as flat faces in space (east, north, up in metres)."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.sandbox.render.view import RoofScene
from shared.sandbox.town.model import RoofShape

Vector = NDArray[np.float64]
STOREY_M = 2.8
OVERHANG_M = 0.4
PARAPET_M = 0.5


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera standing near a house; the position is relative to the house's own."""

    east_m: float
    north_m: float
    height_m: float
    heading_deg: float
    pitch_deg: float
    fov_deg: float
    size_px: int

    @property
    def position(self) -> Vector:
        """East, north, up of the lens."""
        return np.array((self.east_m, self.north_m, self.height_m))

    @property
    def focal_px(self) -> float:
        """Distance of the picture plane in pixels."""
        return self.size_px / 2 / math.tan(math.radians(self.fov_deg) / 2)

    @property
    def horizon_row(self) -> float:
        """Row where level ground meets the sky."""
        return self.size_px / 2 + self.focal_px * math.tan(math.radians(self.pitch_deg))

    def project(self, points: Vector) -> tuple[NDArray[np.float32], Vector]:
        """(column, row) of points in space, and their depth in front of the lens."""
        heading, pitch = math.radians(self.heading_deg), math.radians(self.pitch_deg)
        sin_h, cos_h, sin_p, cos_p = math.sin(heading), math.cos(heading), math.sin(pitch), math.cos(pitch)
        axes = np.array(
            (
                (cos_h, -sin_h, 0.0),
                (-sin_h * sin_p, -cos_h * sin_p, cos_p),
                (sin_h * cos_p, cos_h * cos_p, sin_p),
            )
        )
        x, y, depth = axes @ (points - self.position).T
        safe = np.where(depth > 0.1, depth, 0.1)
        middle = self.size_px / 2
        columns, rows = middle + self.focal_px * x / safe, middle - self.focal_px * y / safe
        return np.stack((columns, rows), axis=1).astype(np.float32), depth


@dataclass(frozen=True, slots=True)
class Face:
    """A flat face: corner, unit vectors along and up, the rectangle they span and the outline within it."""

    origin: Vector
    along: Vector
    up: Vector
    length_m: float
    rise_m: float
    """Extent along `up`, so the slope length of a roof plane."""
    outline: Vector
    roof: bool

    @property
    def normal(self) -> Vector:
        """Unit vector to the outside."""
        return np.cross(self.along, self.up)

    @property
    def corners(self) -> Vector:
        """The spanned rectangle: origin, along, along and up, up."""
        right, top = self.along * self.length_m, self.up * self.rise_m
        return np.stack((self.origin, self.origin + right, self.origin + right + top, self.origin + top))


@dataclass(frozen=True, slots=True)
class Block:
    """The box a house is drawn as from the street: ridge along `axis`."""

    middle: Vector
    axis: Vector
    across: Vector
    half_length: float
    half_width: float
    eave_m: float
    slope: float


def block_of(scene: RoofScene) -> Block:
    """Oriented box around the footprint; the ridge runs along the roof's own bearing where it has one."""
    middle, size, angle = cv2.minAreaRect(np.asarray(scene.footprint_m, np.float32))
    turned = math.radians(angle)
    first = np.array((math.cos(turned), math.sin(turned), 0.0))
    second = np.array((-math.sin(turned), math.cos(turned), 0.0))
    sides = [(first, size[0] / 2, second, size[1] / 2), (second, size[1] / 2, first, size[0] / 2)]
    bearing = math.radians(scene.ridge_bearing_deg)
    ridge = np.array((math.sin(bearing), math.cos(bearing), 0.0))
    if scene.shape is RoofShape.GABLE:
        sides.sort(key=lambda side: -abs(float(side[0] @ ridge)))
    else:
        sides.sort(key=lambda side: -side[1])
    axis, half_length, across, half_width = sides[0]
    slope = 0.0 if scene.flat else scene.pitch_rise / 12.0
    return Block(
        np.array((*middle, 0.0)), axis, across, half_length, half_width, STOREY_M * scene.stories, slope
    )


def faces_of(scene: RoofScene) -> list[Face]:
    """Walls and roof planes of the house."""
    block = block_of(scene)
    walls = [
        wall
        for side in (1.0, -1.0)
        for wall in (_wall(block, side, long_side=True), _wall(block, side, long_side=False))
    ]
    if scene.flat:
        return walls
    roofs = [_slope(scene, block, side, long_side=True) for side in (1.0, -1.0)]
    if scene.shape is RoofShape.HIP:
        return walls + roofs + [_slope(scene, block, side, long_side=False) for side in (1.0, -1.0)]
    return walls + roofs + [_gable_end(block, side) for side in (1.0, -1.0)]


def _wall(block: Block, side: float, *, long_side: bool) -> Face:
    out, half_out = (block.across, block.half_width) if long_side else (block.axis, block.half_length)
    return _face(
        block,
        out * side,
        half_out=half_out,
        half_along=block.half_length if long_side else block.half_width,
        heights=(0.0, block.eave_m + (PARAPET_M if block.slope == 0.0 else 0.0)),
        shape=((0, 0), (1, 0), (1, 1), (0, 1)),
    )


def _gable_end(block: Block, side: float) -> Face:
    return _face(
        block,
        block.axis * side,
        half_out=block.half_length,
        half_along=block.half_width,
        heights=(block.eave_m, block.eave_m + block.half_width * block.slope),
        shape=((0, 0), (1, 0), (0.5, 1)),
    )


def _face(
    block: Block,
    out: Vector,
    *,
    half_out: float,
    half_along: float,
    heights: tuple[float, float],
    shape: tuple[tuple[float, float], ...],
) -> Face:
    up = np.array((0.0, 0.0, 1.0))
    along = np.cross(up, out)
    origin = block.middle + out * half_out - along * half_along + up * heights[0]
    length, rise = 2 * half_along, heights[1] - heights[0]
    corners = np.stack([origin + along * (x * length) + up * (y * rise) for x, y in shape])
    return Face(origin, along, up, length, rise, corners, roof=False)


def _slope(scene: RoofScene, block: Block, side: float, *, long_side: bool) -> Face:
    """One roof plane from its eave, overhang included; a hip's planes end in the ridge or a point."""
    hip = scene.shape is RoofShape.HIP
    out = (block.across if long_side else block.axis) * side
    half_out = (block.half_width if long_side else block.half_length) + OVERHANG_M
    half_along = (block.half_length if long_side else block.half_width) + OVERHANG_M
    run = block.half_width + OVERHANG_M
    rise = math.hypot(1.0, block.slope)
    along = np.cross(np.array((0.0, 0.0, 1.0)), out)
    up = (np.array((0.0, 0.0, block.slope)) - out) / rise
    eave = block.eave_m - OVERHANG_M * block.slope
    origin = block.middle + out * half_out - along * half_along + np.array((0.0, 0.0, eave))
    inset = min(run, half_along) if hip else 0.0
    reach = run * rise
    ends = ((0.0, 0.0), (2 * half_along, 0.0), (2 * half_along - inset, reach), (inset, reach))
    outline = np.stack([origin + along * x + up * y for x, y in ends])
    return Face(origin, along, up, 2 * half_along, reach, outline, roof=True)
