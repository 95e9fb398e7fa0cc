"""Rendered pictures with their truth, degraded as cameras and our own processing degrade them.

The only place where a service's package meets the sandbox. A picture's label is what it shows: the wear that is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import CONDITIONS, Pixels, RoofImage
from services.ml_inference.vision import TargetedImage
from shared.sandbox.render import (
    STREET_SIDES,
    Camera,
    Capture,
    NadirFrame,
    PictureTruth,
    RoofScene,
    camera_for_side,
    capture_on,
    nadir_truth,
    render_nadir,
    render_street,
    scene_of,
    street_truth,
)
from shared.sandbox.render.sample import FOREIGN, STUDY, sample_scene
from shared.sandbox.town import Town, build_town, place_named
from shared.sandbox.town.geometry import MetrePoint
from shared.sandbox.town.model import DamageKind, condition_of
from shared.schemas.enums import RoofCondition, ViewAngle

ANY_ROOF, FOREIGN_ROOF, DAMAGED_ROOF = "any roof", "foreign roof", "damaged roof"
SOUGHT = (
    *(DamageKind.CRACKED_TILES,) * 4,
    *(DamageKind.SAGGING,) * 2,
    DamageKind.CURLED_LIFTED,
    DamageKind.DAMAGED_FLASHING,
    DamageKind.MISSING_SHINGLES,
    DamageKind.RUST_STAINS,
)
"""What a drawn roof must have to be a `DAMAGED_ROOF`, in turn: rare kinds, and those found least."""
TRIES = 1000
"""Roofs drawn for one that is sought; the rarest kind is on every twentieth."""
"""Origin of houses drawn at random, with every wear equally likely; the others come from towns."""
TOWN_DAY = date(2026, 6, 1)
TOWN_PARCELS = 2000
NEAR_M = 45.0
STANDARD_PX = 1024
STANDARD_SHARE, ENLARGED_SHARE = 0.85, 0.20
"""Most pictures come in the image processor's standard form; enlarging adds nothing a model could see and is slow."""
CAST_LIMIT, STRETCH_LIMIT, MIDDLE_TONE, GAMMA_LIMITS = 0.06, 1.25, 0.45, (0.8, 1.25)
NOISE_LEVELS, NOISE_REACH_PX = 10, 1.5
SHARPEN_SIGMA, SHARPEN_AMOUNT = 1.0, 0.4
LUMA = np.array((0.299, 0.587, 0.114), np.float32)
STREET_PX = 640
DETAILS = ((0.075, 0.10), (0.10, 0.12), (0.15, 0.50), (0.20, 0.08), (0.30, 0.12), (0.60, 0.08))
"""Metres a pixel of a picture from above, and how many of them have it."""
FOREIGN_DETAILS = ((0.12, 0.4), (0.25, 0.6))
TILE_M = 48.0
FOOTPRINT_SHARE, PARCEL_SHARE = 0.40, 0.40
"""What is known of where the house stands; nothing but the picture's middle for the rest."""
DISTANCE_ERROR = 0.08


@dataclass(frozen=True, slots=True)
class Style:
    """How the world of a set looks: the second one is what the first never showed."""

    details: tuple[tuple[float, float], ...]
    sun_elevation_deg: tuple[float, float]
    warmth: float
    """Added to every picture's own."""
    quality: tuple[int, int]
    """JPEG quality of the vendor's file."""
    saturation: float
    softness_px: float


USUAL = Style(DETAILS, (30.0, 72.0), 0.0, (72, 95), 1.0, 0.0)
SHIFTED = Style(FOREIGN_DETAILS, (16.0, 28.0), 0.07, (45, 65), 0.7, 0.6)


@dataclass(frozen=True, slots=True)
class House:
    """One house to be pictured."""

    scene: RoofScene
    parcel_m: tuple[MetrePoint, ...]
    seed: int
    number: str
    """Names the house within its origin: pictures of one house never part."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture as a model would get it, and what it truly shows."""

    house: House
    target: TargetedImage
    truth: PictureTruth
    """In pixels of the target's picture."""

    @property
    def label(self) -> int:
        """Index of the condition that is drawn."""
        return CONDITIONS.index(RoofCondition(condition_of(self.house.scene.wear).value))


def random_houses(origin: str, seed: int, first: int, count: int) -> Iterator[House]:
    """Houses drawn at random; the same numbers give the same houses."""
    for number in range(first, first + count):
        at = seed * 10_000_000 + number
        scene, _ = sample_scene(at, mix=FOREIGN if origin == FOREIGN_ROOF else STUDY)
        yield House(scene, _parcel_around(scene, at), at, str(number))


def damaged_houses(origin: str, seed: int, first: int, count: int) -> Iterator[House]:
    """As `random_houses`, but each the first drawn that has the damage its number asks for."""
    for number in range(first, first + count):
        drawn = random_houses(origin, seed, number * TRIES, TRIES)
        sought = SOUGHT[number % len(SOUGHT)]
        yield next(house for house in drawn if any(each.kind is sought for each in house.scene.damages))


def town_houses(origin: str, seed: int, first: int, count: int) -> Iterator[House]:
    """Buildings of a town by number, each once however many units it has."""
    place = place_named(origin)
    if place is None:
        raise ValueError(f"no town is called {origin}")
    town = build_town(place, parcels=TOWN_PARCELS, seed=seed, as_of=TOWN_DAY)
    if first + count > len(town.layout.kind):
        raise ValueError(f"{origin} has {len(town.layout.kind)} buildings")
    for building in range(first, first + count):
        yield _town_house(town, building)


def _town_house(town: Town, building: int) -> House:
    house = town.house(town.first_parcel(building))
    near = town.buildings_near(house.east_m, house.north_m, NEAR_M)
    others = [town.house(town.first_parcel(other)) for other in near if other != building]
    scene = scene_of(house, as_of=TOWN_DAY, captured_on=TOWN_DAY, others=others)
    return House(scene, house.lot_m, house.seed * 1000 + building % 1000, str(building))


def _parcel_around(scene: RoofScene, seed: int) -> tuple[MetrePoint, ...]:
    """A lot along the street: some metres to each side, the street's edge in front."""
    rng = np.random.default_rng([seed, 76])
    bearing = math.radians(scene.front_bearing_deg)
    ahead, aside = (math.sin(bearing), math.cos(bearing)), (math.cos(bearing), -math.sin(bearing))
    half = max(abs(x * aside[0] + y * aside[1]) for x, y in scene.footprint_m)
    deep = max(abs(x * ahead[0] + y * ahead[1]) for x, y in scene.footprint_m)
    left, right = half + float(rng.uniform(1.0, 6.0)), half + float(rng.uniform(1.0, 6.0))
    front, back = max(deep + 1.0, scene.street_distance_m - 5.0), deep + float(rng.uniform(3.0, 16.0))
    corners = ((-left, -back), (right, -back), (right, front), (-left, front))
    return tuple((x * aside[0] + y * ahead[0], x * aside[1] + y * ahead[1]) for x, y in corners)


def from_above(house: House, style: Style, salt: int = 0) -> Example:
    """A tile of the house, at one of the style's resolutions."""
    rng = np.random.default_rng([house.seed, 78, salt])
    details, shares = zip(*style.details, strict=True)
    detail = float(rng.choice(details, p=np.array(shares) / sum(shares)))
    reach = max(abs(value) for point in house.scene.footprint_m for value in point)
    size = int(np.clip(round(max(TILE_M, 2 * reach + 6.0) / detail), 64, 1024))
    capture = _capture(house.seed, style, rng, 70 + salt)
    pixels, frame = render_nadir(house.scene, capture, size_px=size, metres_per_pixel=detail)
    truth = nadir_truth(house.scene, capture, frame)
    stored, factor = _stored(pixels, style, rng)
    image = RoofImage(ViewAngle.OVERHEAD, stored, detail / factor, detail)
    outline = _known_outline(house, NadirFrame(size, detail), rng)
    return Example(
        house, TargetedImage(image, None if outline is None else outline * factor), _scaled(truth, factor)
    )


def from_street(house: House, style: Style, side: str, salt: int = 0) -> Example:
    """A picture of the house from the street or from behind, aimed as an adapter aims."""
    rng = np.random.default_rng([house.seed, 79, salt, STREET_SIDES.index(side)])
    camera = _aimed(camera_for_side(house.scene, side, size_px=STREET_PX), rng)
    capture = _capture(house.seed, style, rng, 2 + salt)
    pixels = render_street(house.scene, capture, camera)
    truth = street_truth(house.scene, capture, camera)
    width_m = 2 * math.hypot(camera.east_m, camera.north_m) * math.tan(math.radians(camera.fov_deg) / 2)
    detail = width_m / camera.size_px * float(np.exp(rng.normal(0.0, DISTANCE_ERROR)))
    stored, factor = _stored(pixels, style, rng)
    image = RoofImage(ViewAngle(side), stored, detail / factor, detail)
    return Example(house, TargetedImage(image, None), _scaled(truth, factor))


def _capture(seed: int, style: Style, rng: np.random.Generator, salt: int) -> Capture:
    day = TOWN_DAY - timedelta(days=int(rng.integers(0, 360)))
    capture = capture_on(day, seed, salt)
    return replace(
        capture,
        sun_elevation_deg=float(rng.uniform(*style.sun_elevation_deg)),
        warmth=capture.warmth + style.warmth,
        blur_px=capture.blur_px + style.softness_px,
    )


def _known_outline(house: House, frame: NadirFrame, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """Corners of the footprint or the parcel where the records put them: the tile may lie a metre off."""
    draw = rng.random()
    if draw < FOOTPRINT_SHARE:
        return frame.to_pixels(house.scene.footprint_m)
    return frame.to_pixels(house.parcel_m) if draw < FOOTPRINT_SHARE + PARCEL_SHARE else None


def _aimed(camera: Camera, rng: np.random.Generator) -> Camera:
    """The camera as an adapter turns it: toward the house, more or less, with a fixed opening angle."""
    return replace(
        camera,
        heading_deg=camera.heading_deg + float(rng.normal(0.0, 3.0)),
        pitch_deg=float(rng.uniform(2.0, 11.0)),
        fov_deg=float(rng.uniform(55.0, 85.0)),
    )


def _stored(pixels: Pixels, style: Style, rng: np.random.Generator) -> tuple[Pixels, float]:
    """The picture as it reaches the model, and by how much it was enlarged on the way."""
    if style.saturation != 1.0:
        grey = pixels.mean(axis=2, keepdims=True)
        pixels = np.clip(grey + (pixels - grey) * style.saturation, 0, 255).astype(np.uint8)
    pixels = _through_jpeg(pixels, int(rng.integers(*style.quality)))
    draw = rng.random()
    if draw > STANDARD_SHARE:
        return pixels, 1.0
    pixels = evened(pixels)
    if draw > ENLARGED_SHARE:
        return _through_jpeg(pixels, 90), 1.0
    factor = STANDARD_PX / pixels.shape[1]
    large = cv2.resize(pixels, (STANDARD_PX, STANDARD_PX), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(large, (0, 0), SHARPEN_SIGMA)
    crisp = cv2.addWeighted(large, 1 + SHARPEN_AMOUNT, soft, -SHARPEN_AMOUNT, 0)
    return _through_jpeg(np.asarray(crisp, np.uint8), 90), factor


def evened(pixels: Pixels) -> Pixels:
    """Grain and colour cast taken out and tones spread, as the image processor's standard form does it."""
    clean = cv2.bilateralFilter(pixels, 5, NOISE_LEVELS, NOISE_REACH_PX)
    means = clean.reshape(-1, 3).mean(axis=0) + 1.0
    gains = np.clip(np.sqrt(means.mean() / means), 1 - CAST_LIMIT, 1 + CAST_LIMIT)
    low, middle, high = (float(value) for value in np.percentile(clean @ LUMA, (0.5, 50, 99.5)))
    stretch = min(STRETCH_LIMIT, 255 / max(1.0, high - low))
    black = float(np.clip((low + high - 255 / stretch) / 2, 0, 255 - 255 / stretch))
    seen = min(0.95, max(0.05, (middle - black) * stretch / 255))
    gamma = float(np.clip(np.sqrt(np.log(MIDDLE_TONE) / np.log(seen)), *GAMMA_LIMITS))
    levels = np.arange(256, dtype=np.float32)[:, None] * gains.astype(np.float32)
    curve = np.clip((levels - black) * stretch / 255, 0, 1) ** gamma
    return np.asarray(cv2.LUT(clean, np.round(curve * 255).astype(np.uint8)[None]), np.uint8)


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)


def _scaled(truth: PictureTruth, factor: float) -> PictureTruth:
    if factor == 1.0:
        return truth
    size = (round(truth.roof.shape[1] * factor), round(truth.roof.shape[0] * factor))

    def wide(mask: NDArray[Any]) -> NDArray[np.bool_]:
        return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0

    damages = tuple(
        replace(
            seen,
            mask=wide(seen.mask),
            box=tuple(round(edge * factor) for edge in seen.box),  # type: ignore[arg-type]
        )
        for seen in truth.damages
    )
    return PictureTruth(wide(truth.roof), damages)
