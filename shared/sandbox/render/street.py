"""A house from the street: walls, windows and the roof planes a camera at this place can see."""

import math

import cv2
import numpy as np

from shared.sandbox.render.atmosphere import Capture, Picture, Pixels, brightness, develop
from shared.sandbox.render.geometry3d import Camera, Face, faces_of
from shared.sandbox.render.ground import ASPHALT, CONCRETE, crown_colour, draw_disc, lawn_colour
from shared.sandbox.render.noise import fine_grain, smooth_noise
from shared.sandbox.render.palette import WALLS
from shared.sandbox.render.surface import Surface, paint_roof
from shared.sandbox.render.view import RoofScene, rng_for

STREET_SIDES = ("front", "left", "right", "rear")
CAMERA_HEIGHT_M = 3.0
SIDE_STEP_M = 14.0
REAR_DISTANCE_M = 12.0
ROOF_TEXEL_M = 0.05
WALL_TEXEL_M = 0.10
ROAD_REACH_M = 4.5
PAVEMENT_REACH_M = 6.0


def camera_position(scene: RoofScene, side: str) -> tuple[float, float]:
    """Where a camera of this side stands: on the street, or behind the house for the rear."""
    bearing = math.radians(scene.front_bearing_deg)
    ahead = (math.sin(bearing), math.cos(bearing))
    aside = (math.cos(bearing), -math.sin(bearing))
    west, south, east, north = scene.box
    step = {"front": 0.0, "left": SIDE_STEP_M, "right": -SIDE_STEP_M, "rear": 0.0}[side]
    reach = 0.5 * math.hypot(east - west, north - south)
    distance = -(reach + REAR_DISTANCE_M) if side == "rear" else max(scene.street_distance_m, reach + 5.0)
    return distance * ahead[0] + step * aside[0], distance * ahead[1] + step * aside[1]


def camera_for_side(scene: RoofScene, side: str, *, size_px: int = 640) -> Camera:
    """A camera that frames the house from a side."""
    east, north = camera_position(scene, side)
    west, south, box_east, box_north = scene.box
    reach = 0.5 * math.hypot(box_east - west, box_north - south) + 1.0
    distance = math.hypot(east, north)
    fov = min(90.0, max(30.0, 2 * math.degrees(math.atan(reach / max(1.0, distance)))))
    return Camera(
        east, north, CAMERA_HEIGHT_M, math.degrees(math.atan2(-east, -north)) % 360, 3.0, fov, size_px
    )


def render_street(scene: RoofScene, capture: Capture, camera: Camera) -> Pixels:
    """RGB picture of the scene through the camera."""
    picture = _backdrop(scene, capture, camera)
    for face in visible_faces(scene, camera):
        _draw_face(picture, scene, face, capture, camera)
    draw_front_trees(picture, capture, camera)
    return develop(picture, capture)


def visible_faces(scene: RoofScene, camera: Camera) -> list[Face]:
    """The walls and roof planes that face the camera, farthest first."""
    seen = []
    for face in faces_of(scene):
        _, depth = camera.project(face.corners)
        if depth.min() > 0.5 and float(face.normal @ (camera.position - face.origin)) > 0:
            seen.append(face)
    return sorted(seen, key=lambda face: -_distance(face, camera))


def _distance(face: Face, camera: Camera) -> float:
    """Roof planes count as nearer than walls: they hang over them."""
    distance = float(np.linalg.norm(face.outline.mean(axis=0) - camera.position))
    return distance - 100.0 if face.roof else distance


def _backdrop(scene: RoofScene, capture: Capture, camera: Camera) -> Picture:
    size = camera.size_px
    rng = rng_for(capture.seed, 81)
    rows = np.arange(size, dtype=np.float32)
    picture = np.empty((size, size, 3), np.float32)
    horizon = int(np.clip(camera.horizon_row, 1, size - 1))
    height = (1.0 - rows[:horizon] / horizon)[:, None]
    sky = np.array((0.80, 0.85, 0.90)) * (1 - height) + np.array((0.45, 0.62, 0.86)) * height
    picture[:horizon] = sky[:, None, :]
    _draw_clouds(picture[:horizon], rng)
    below = np.maximum(rows[horizon:] - camera.horizon_row, 0.5) / camera.focal_px
    reach = camera.height_m / below
    lawn = lawn_colour(capture, scene.seed)
    bands = np.where((reach < PAVEMENT_REACH_M)[:, None], CONCRETE, lawn)
    picture[horizon:] = np.where((reach < ROAD_REACH_M)[:, None], ASPHALT, bands)[:, None, :]
    grain = 1 + np.float32(0.05) * fine_grain((size - horizon, size), rng)
    picture[horizon:] = cv2.multiply(picture[horizon:], cv2.merge((grain, grain, grain)))
    return _draw_treeline(picture, capture, horizon, rng)


def _draw_clouds(sky: Picture, rng: np.random.Generator) -> None:
    rows, columns = np.mgrid[0 : sky.shape[0] : 4, 0 : sky.shape[1] : 4].astype(np.float32)
    offset = (float(rng.uniform(0, 900)), float(rng.uniform(0, 900)))
    field = smooth_noise(columns, rows * 2.5, cell=220.0, offset=offset)
    cover = np.clip(field - float(rng.uniform(-0.3, 1.0)), 0.0, 1.0).astype(np.float32) * np.float32(0.7)
    wide = cv2.resize(cover, (sky.shape[1], sky.shape[0]), interpolation=cv2.INTER_LINEAR)
    white = np.full_like(sky, 0.93)
    sky[:] = cv2.blendLinear(white, np.ascontiguousarray(sky), wide, 1 - wide)


def _draw_treeline(picture: Picture, capture: Capture, horizon: int, rng: np.random.Generator) -> Picture:
    columns = np.arange(picture.shape[1], dtype=np.float32)
    offset = (float(rng.uniform(0, 900)), float(rng.uniform(0, 900)))
    wave = smooth_noise(columns[None, :], np.zeros((1, len(columns)), np.float32), cell=60.0, offset=offset)[
        0
    ]
    tops = np.clip(horizon - 22 - 9 * wave, 0, horizon).astype(int)
    leaf = np.array((0.24, 0.32, 0.18), np.float32) * (0.6 + 0.4 * capture.greenness)
    band = slice(max(0, int(tops.min())), horizon + 3)
    inside = np.arange(band.start, band.stop)[:, None] >= tops[None, :]
    picture[band][inside] = leaf
    return picture


def _draw_face(picture: Picture, scene: RoofScene, face: Face, capture: Capture, camera: Camera) -> None:
    colours = _roof_colours(scene, face) if face.roof else _wall_colours(scene, face)
    colours = colours * np.float32(face_light(face, capture))
    paste(picture, colours.astype(np.float32), face, camera)


def face_light(face: Face, capture: Capture) -> float:
    """Light on a face relative to level ground; walls stand under the eaves."""
    x, y, z = (float(value) for value in face.normal)
    return brightness((x, y, z), capture) * (1.0 if face.roof else 0.85)


def _texels(face: Face) -> tuple[Picture, Picture]:
    texel = ROOF_TEXEL_M if face.roof else WALL_TEXEL_M
    width, height = max(4, round(face.length_m / texel)), max(4, round(face.rise_m / texel))
    along, up = np.meshgrid(
        (np.arange(width, dtype=np.float32) + 0.5) * (face.length_m / width),
        (np.arange(height, dtype=np.float32) + 0.5) * (face.rise_m / height),
    )
    return along, up


def roof_surface(scene: RoofScene, face: Face) -> Surface:
    """Where every texel of a roof plane lies on the roof."""
    along, up = _texels(face)
    west, south, box_east, box_north = scene.box
    east = np.float32(face.origin[0]) + along * np.float32(face.along[0]) + up * np.float32(face.up[0])
    north = np.float32(face.origin[1]) + along * np.float32(face.along[1]) + up * np.float32(face.up[1])
    inward = -face.normal[:2] / max(1e-6, float(np.linalg.norm(face.normal[:2])))
    eave_line = east * np.float32(inward[1]) - north * np.float32(inward[0])
    return Surface(
        eave_line,
        up,
        east - np.float32(west),
        north - np.float32(south),
        (box_east - west, box_north - south),
        ROOF_TEXEL_M,
    )


def _roof_colours(scene: RoofScene, face: Face) -> Picture:
    colours = paint_roof(scene, roof_surface(scene, face))
    colours[:2] = 0.85
    return colours


def _wall_colours(scene: RoofScene, face: Face) -> Picture:
    along, up = _texels(face)
    rng = rng_for(scene.seed, 82)
    base = np.array(WALLS[int(rng.integers(len(WALLS)))], np.float32)
    colours = np.broadcast_to(base, (*along.shape, 3)).copy()
    if len(face.outline) == 3:
        return colours
    pitch_m = float(rng.uniform(2.6, 3.6))
    beside = np.abs(np.mod(along, pitch_m) - pitch_m / 2) < 0.55
    above = np.abs(np.mod(up, 2.8) - 1.5) < 0.6
    away = (along > 0.6) & (along < face.length_m - 0.6)
    colours[beside & above & away] = (0.20, 0.24, 0.29)
    shaded = up > face.rise_m - 0.4
    colours[shaded] *= 0.65
    return colours


def paste(picture: Picture, colours: Picture, face: Face, camera: Camera) -> None:
    """Lay a face's texels onto the picture where the camera sees them."""
    corners, _ = camera.project(face.corners)
    outline, _ = camera.project(face.outline)
    size = picture.shape[0]
    low = np.clip(np.floor(outline.min(axis=0)).astype(int) - 1, 0, size)
    high = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 2, 0, size)
    if (high - low).min() < 2:
        return
    height, width = colours.shape[:2]
    source = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
    shift = low.astype(np.float32)
    turn = cv2.getPerspectiveTransform(source, corners - shift)
    span = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpPerspective(colours, turn, span, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((span[1], span[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((outline - shift) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    target = picture[low[1] : high[1], low[0] : high[0]]
    target += (warped - target) * (mask.astype(np.float32) / 255.0)[..., None]


def draw_front_trees(picture: Picture, capture: Capture, camera: Camera) -> None:
    """Trees between the street and the house; they hide a part of some roofs."""
    rng = rng_for(capture.seed, 83)
    size = camera.size_px
    ground = min(size - 1, int(camera.horizon_row) + size // 8)
    for _ in range(int(rng.integers(0, 3))):
        middle = int((0.5 + float(rng.choice((-1.0, 1.0))) * float(rng.uniform(0.28, 0.55))) * size)
        top, radius = int(float(rng.uniform(0.25, 0.45)) * size), float(rng.uniform(0.07, 0.14)) * size
        cv2.line(
            picture, (middle, top), (middle, ground), (0.29, 0.23, 0.17), max(3, size // 80), cv2.LINE_AA
        )
        draw_disc(picture, np.array((middle, top), np.float32), radius, crown_colour(capture, rng), rng)
