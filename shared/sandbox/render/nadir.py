"""A tile straight from above: ground, street, neighbours, trees and the roof with its planes and shadows."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.sandbox.render.atmosphere import Capture, Picture, Pixels, brightness, develop, sun_direction
from shared.sandbox.render.ground import draw_ground, draw_trees
from shared.sandbox.render.noise import Plane
from shared.sandbox.render.palette import COVERINGS, colour_of
from shared.sandbox.render.surface import Surface, ageing_of, paint_roof, weathered
from shared.sandbox.render.view import Neighbour, RoofScene, rng_for
from shared.sandbox.town.geometry import MetrePoint
from shared.sandbox.town.model import RoofShape

STOREY_M = 2.8
MAX_SHIFT_M = 1.2
"""Georeferencing error: the house is this far off the tile's middle at most."""
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NadirFrame:
    """Where the pixels of a tile lie: north up, the house's position near the middle."""

    size_px: int
    metres_per_pixel: float
    shift_m: MetrePoint = (0.0, 0.0)

    def to_pixels(self, outline: tuple[MetrePoint, ...]) -> NDArray[np.float32]:
        """(column, row) of points given in metres from the house's position."""
        points = np.asarray(outline, np.float32) + np.asarray(self.shift_m, np.float32)
        middle = self.size_px / 2
        return np.stack(
            (middle + points[:, 0] / self.metres_per_pixel, middle - points[:, 1] / self.metres_per_pixel),
            axis=1,
        )

    def mask(self, outline: tuple[MetrePoint, ...]) -> Mask:
        """255 inside the outline, 0 elsewhere."""
        mask: Mask = np.zeros((self.size_px, self.size_px), np.uint8)
        cv2.fillPoly(mask, [np.round(self.to_pixels(outline) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return mask

    def metres(self, rows: slice, columns: slice) -> tuple[Plane, Plane]:
        """East and north of every pixel of a window."""
        east = np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - self.size_px / 2
        north = self.size_px / 2 - np.arange(rows.start, rows.stop, dtype=np.float32) - 0.5
        grid = np.meshgrid(
            east * self.metres_per_pixel - self.shift_m[0], north * self.metres_per_pixel - self.shift_m[1]
        )
        return grid[0].astype(np.float32), grid[1].astype(np.float32)


def render_nadir(
    scene: RoofScene, capture: Capture, *, size_px: int = 320, metres_per_pixel: float = 0.15
) -> tuple[Pixels, NadirFrame]:
    """RGB tile of the scene and the frame it lies in."""
    if not 64 <= size_px <= 1024 or not 0.05 <= metres_per_pixel <= 1.0:
        raise ValueError(f"no tile of {size_px} px at {metres_per_pixel} m a pixel")
    shift = rng_for(capture.seed, 51).uniform(-MAX_SHIFT_M, MAX_SHIFT_M, 2)
    frame = NadirFrame(size_px, metres_per_pixel, (float(shift[0]), float(shift[1])))
    picture = draw_ground(scene, capture, frame.metres(slice(0, size_px), slice(0, size_px)))
    for neighbour in scene.neighbours:
        _draw_neighbour(picture, neighbour, capture, frame)
    _cast_shadow(picture, scene.footprint_m, _height(scene), capture, frame)
    _draw_roof(picture, scene, capture, frame)
    draw_trees(picture, scene, capture, frame.to_pixels, metres_per_pixel)
    return develop(picture, capture), frame


def _height(scene: RoofScene) -> float:
    return STOREY_M * scene.stories + 0.35 * scene.pitch_rise


def _window(outline: NDArray[np.float32], size_px: int) -> tuple[slice, slice] | None:
    low, high = np.floor(outline.min(axis=0)).astype(int) - 1, np.ceil(outline.max(axis=0)).astype(int) + 2
    left, top = max(0, low[0]), max(0, low[1])
    right, bottom = min(size_px, high[0]), min(size_px, high[1])
    return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None


def _cast_shadow(
    picture: Picture, outline: tuple[MetrePoint, ...], height_m: float, capture: Capture, frame: NadirFrame
) -> None:
    east, north, up = sun_direction(capture)
    reach = height_m * 0.75 / up
    thrown = tuple((x - east * reach, y - north * reach) for x, y in outline)
    both = np.concatenate((frame.to_pixels(outline), frame.to_pixels(thrown)))
    hull = cv2.convexHull(both.astype(np.float32)).astype(np.int32)
    window = _window(both, frame.size_px)
    if window is None:
        return
    mask: Mask = np.zeros((frame.size_px, frame.size_px), np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    picture[window] *= 1.0 - 0.5 * (mask[window] > 0)[..., None].astype(np.float32)


def _draw_neighbour(picture: Picture, neighbour: Neighbour, capture: Capture, frame: NadirFrame) -> None:
    window = _window(frame.to_pixels(neighbour.footprint_m), frame.size_px)
    if window is None:
        return
    _cast_shadow(picture, neighbour.footprint_m, 4.0, capture, frame)
    east, north = frame.metres(*window)
    surface = Surface(east, north, east, north, (1.0, 1.0), frame.metres_per_pixel)
    covering = COVERINGS[neighbour.material]
    colours = weathered(
        colour_of(neighbour.material, neighbour.colour),
        covering,
        neighbour.wear,
        ageing_of(neighbour.seed),
        surface,
    )
    middle = np.mean(neighbour.footprint_m, axis=0)
    colours *= np.where(east > middle[0], 0.9, 1.06)[..., None].astype(np.float32)
    _blend(picture, colours, frame.mask(neighbour.footprint_m), window)


@dataclass(frozen=True, slots=True)
class LitRoof:
    """The roof within a tile: where it lies, what is painted on it and how each plane is lit."""

    window: tuple[slice, slice]
    surface: Surface
    plane: NDArray[np.intp]
    light: Plane


def lit_roof(scene: RoofScene, capture: Capture, frame: NadirFrame) -> LitRoof | None:
    """The roof's part of a tile; None where it lies outside."""
    window = _window(frame.to_pixels(scene.footprint_m), frame.size_px)
    if window is None:
        return None
    east, north = frame.metres(*window)
    directions, plane, depth = _planes(scene, east, north)
    slope = 0.0 if scene.flat else scene.pitch_rise / 12.0
    inward = directions[plane]
    along = east * inward[..., 1] - north * inward[..., 0]
    west, south, box_east, box_north = scene.box
    surface = Surface(
        along,
        depth * math.hypot(1.0, slope),
        east - west,
        north - south,
        (box_east - west, box_north - south),
        frame.metres_per_pixel,
    )
    light = np.array([_plane_light(direction, slope, capture) for direction in directions], np.float32)
    return LitRoof(window, surface, plane, light[plane])


def _draw_roof(picture: Picture, scene: RoofScene, capture: Capture, frame: NadirFrame) -> None:
    roof = lit_roof(scene, capture, frame)
    if roof is None:
        return
    colours = paint_roof(scene, roof.surface)
    colours *= roof.light[..., None]
    _draw_ridges(colours, roof.plane)
    _draw_fixtures(colours, scene, roof.surface.east, roof.surface.north)
    _blend(picture, colours, frame.mask(scene.footprint_m), roof.window)


def _planes(scene: RoofScene, east: Plane, north: Plane) -> tuple[Plane, NDArray[np.intp], Plane]:
    """Inward direction of each plane, the plane of every pixel and its distance from that plane's eave."""
    if scene.flat:
        return (
            np.array([[0.0, 1.0]], np.float32),
            np.zeros(east.shape, np.intp),
            north - np.float32(scene.box[1]),
        )
    if scene.shape is RoofShape.GABLE:
        return _gable_planes(scene, east, north)
    return _hip_planes(scene.footprint_m, east, north)


def _gable_planes(scene: RoofScene, east: Plane, north: Plane) -> tuple[Plane, NDArray[np.intp], Plane]:
    bearing = math.radians(scene.ridge_bearing_deg)
    across = np.array((math.cos(bearing), -math.sin(bearing)), np.float32)
    offsets = np.asarray(scene.footprint_m, np.float32) @ across
    middle, half = float(offsets.min() + offsets.max()) / 2, float(offsets.max() - offsets.min()) / 2
    offset = east * across[0] + north * across[1] - np.float32(middle)
    return np.stack((across, -across)), (offset > 0).astype(np.intp), np.float32(half) - np.abs(offset)


def _hip_planes(
    outline: tuple[MetrePoint, ...], east: Plane, north: Plane
) -> tuple[Plane, NDArray[np.intp], Plane]:
    distances, directions = [], []
    for (x1, y1), (x2, y2) in zip(outline, outline[1:] + outline[:1], strict=True):
        length = math.hypot(x2 - x1, y2 - y1) or 1e-6
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        beside = np.clip((east - x1) * ux + (north - y1) * uy, 0.0, length)
        distances.append(np.hypot(east - x1 - beside * ux, north - y1 - beside * uy))
        directions.append((-uy, ux))
    stack = np.stack(distances).astype(np.float32)
    plane = stack.argmin(axis=0)
    return np.array(directions, np.float32), plane, stack.min(axis=0)


def _plane_light(inward: NDArray[np.float32], slope: float, capture: Capture) -> float:
    length = math.hypot(1.0, slope)
    normal = (-float(inward[0]) * slope / length, -float(inward[1]) * slope / length, 1.0 / length)
    return brightness(normal, capture)


def _draw_ridges(colours: Picture, plane: NDArray[np.intp]) -> None:
    edge = np.zeros(plane.shape, bool)
    edge[:, 1:] |= plane[:, 1:] != plane[:, :-1]
    edge[1:] |= plane[1:] != plane[:-1]
    colours[edge] *= 1.12


def _draw_fixtures(colours: Picture, scene: RoofScene, east: Plane, north: Plane) -> None:
    """Vents, perhaps a chimney or a skylight: on any roof, telling nothing about its state."""
    rng = rng_for(scene.seed, 61)
    width, depth = scene.box[2] - scene.box[0], scene.box[3] - scene.box[1]
    kinds = [(0.3, (0.55, 0.55, 0.56))] * int(rng.integers(1, 4))
    kinds += [(0.7, (0.42, 0.30, 0.26))] * int(rng.random() < 0.4) + [(0.9, (0.62, 0.72, 0.80))] * int(
        rng.random() < 0.2
    )
    for size, colour in kinds:
        x, y = rng.uniform(0.25, 0.75, 2) * (width, depth)
        colours[(np.abs(east - x) < size / 2) & (np.abs(north - y) < size / 2)] = colour


def _blend(picture: Picture, colours: Picture, mask: Mask, window: tuple[slice, slice]) -> None:
    weight = (mask[window].astype(np.float32) / 255.0)[..., None]
    picture[window] += (colours - picture[window]) * weight
