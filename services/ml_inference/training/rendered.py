"""Rendered houses as training rows; the only place where a service's package meets the sandbox."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.features import features_of
from services.ml_inference.models import CONDITIONS, Pixels, RoofImage
from shared.sandbox.render import (
    STREET_SIDES,
    Camera,
    RoofScene,
    camera_for_side,
    capture_on,
    render_nadir,
    render_street,
    scene_of,
)
from shared.sandbox.render.sample import sample_scene
from shared.sandbox.town import Town, build_town, place_named
from shared.sandbox.town.model import condition_of
from shared.schemas.enums import RoofCondition, ViewAngle

ANY_ROOF = "any roof"
"""Origin of houses drawn at random, with every wear equally likely; the others come from towns."""
STREET_COUNT_SHARES = (0.15, 0.30, 0.35, 0.15, 0.05)
"""How many houses have no, one ... four street pictures."""
WITHOUT_ABOVE = 0.06
DETAIL_M, COARSE_DETAIL_M, COARSE_SHARE = 0.15, 0.3, 0.08
STANDARD_PX = 1024
STANDARD_SHARE, ENLARGED_SHARE = 0.70, 0.12
"""Enlarging adds nothing a model could see and is slow, so that few pictures are; the tests compare both."""
DISTANCE_ERROR = 0.08
TOWN_DAY = date(2026, 6, 1)
TOWN_PARCELS = 2000
NEAR_M = 45.0
OLD_ROOF_YEARS = 15.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Where rows come from: a town by name and seed, or random roofs; `first` separates the splits."""

    origin: str
    seed: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Features and truth, one row a house."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    wear: NDArray[np.float32]
    aged: NDArray[np.bool_]
    """Old enough to be looked at for its age alone (15 years); random roofs count as aged."""
    origin: NDArray[np.str_]

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(
            self.features[chosen],
            self.labels[chosen],
            self.wear[chosen],
            self.aged[chosen],
            self.origin[chosen],
        )


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows, in order."""
    return Rows(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("features", "labels", "wear", "aged", "origin")
        )
    )


def render_rows(batches: Sequence[Batch], *, workers: int) -> Rows:
    """Rows of all batches; the same batches give the same rows for any number of workers."""
    pieces = [piece for batch in batches for piece in _pieces(batch)]
    if workers < 2:
        return joined([_render_piece(piece) for piece in pieces])
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return joined(list(pool.map(_render_piece, pieces)))


def _pieces(batch: Batch, size: int = 50) -> Iterator[Batch]:
    for start in range(0, batch.count, size):
        yield Batch(batch.origin, batch.seed, batch.first + start, min(size, batch.count - start))


def _render_piece(batch: Batch) -> Rows:
    cv2.setNumThreads(1)
    houses = list(_random_houses(batch) if batch.origin == ANY_ROOF else _town_houses(batch))
    features = [features_of(pictures_of(scene, seed)).values for scene, _, _, seed in houses]
    wear = np.array([wear for _, wear, _, _ in houses], np.float32)
    labels = np.array([CONDITIONS.index(_condition(float(value))) for value in wear], np.int64)
    aged = np.array([aged for _, _, aged, _ in houses], bool)
    return Rows(np.stack(features), labels, wear, aged, np.array([batch.origin] * len(houses)))


def _condition(wear: float) -> RoofCondition:
    return RoofCondition(condition_of(wear).value)


def _random_houses(batch: Batch) -> Iterator[tuple[RoofScene, float, bool, int]]:
    for number in range(batch.first, batch.first + batch.count):
        seed = batch.seed * 10_000_000 + number
        scene, wear = sample_scene(seed)
        yield scene, wear, True, seed


def _town_houses(batch: Batch) -> Iterator[tuple[RoofScene, float, bool, int]]:
    """Buildings of a town by number, each once however many units it has."""
    place = place_named(batch.origin)
    if place is None:
        raise ValueError(f"no town is called {batch.origin}")
    town = build_town(place, parcels=TOWN_PARCELS, seed=batch.seed, as_of=TOWN_DAY)
    if batch.first + batch.count > len(town.layout.kind):
        raise ValueError(f"{batch.origin} has {len(town.layout.kind)} buildings")
    for building in range(batch.first, batch.first + batch.count):
        yield _town_house(town, building)


def _town_house(town: Town, building: int) -> tuple[RoofScene, float, bool, int]:
    house = town.house(town.first_parcel(building))
    near = town.buildings_near(house.east_m, house.north_m, NEAR_M)
    others = [town.house(town.first_parcel(other)) for other in near if other != building]
    scene = scene_of(house, as_of=TOWN_DAY, captured_on=TOWN_DAY, others=others)
    return scene, house.roof.wear, house.roof.age_years >= OLD_ROOF_YEARS, house.seed * 1000 + building % 1000


def pictures_of(scene: RoofScene, seed: int) -> list[RoofImage]:
    """The pictures a workflow would have of the house: what exists, as stored."""
    rng = np.random.default_rng([seed, 77])
    day = TOWN_DAY - timedelta(days=int(rng.integers(0, 360)))
    count = int(rng.choice(len(STREET_COUNT_SHARES), p=STREET_COUNT_SHARES))
    images = []
    if count == 0 or rng.random() >= WITHOUT_ABOVE:
        detail = COARSE_DETAIL_M if rng.random() < COARSE_SHARE else DETAIL_M
        size = 320 if detail < 0.2 else 224
        pixels, _ = render_nadir(scene, capture_on(day, seed, 70), size_px=size, metres_per_pixel=detail)
        images.append(_stored(pixels, ViewAngle.OVERHEAD, detail, rng))
    for side in rng.permutation(len(STREET_SIDES))[:count]:
        camera = _aimed(camera_for_side(scene, STREET_SIDES[side]), rng)
        pixels = render_street(scene, capture_on(day, seed, 2, int(side)), camera)
        width_m = 2 * math.hypot(camera.east_m, camera.north_m) * math.tan(math.radians(camera.fov_deg) / 2)
        detail = width_m / camera.size_px * float(np.exp(rng.normal(0.0, DISTANCE_ERROR)))
        images.append(_stored(pixels, ViewAngle(STREET_SIDES[side]), detail, rng))
    return images


def _aimed(camera: Camera, rng: np.random.Generator) -> Camera:
    """The camera as an adapter turns it: toward the house, more or less, with a fixed opening angle."""
    return replace(
        camera,
        heading_deg=camera.heading_deg + float(rng.normal(0.0, 3.0)),
        pitch_deg=float(rng.uniform(2.0, 11.0)),
        fov_deg=float(rng.uniform(55.0, 85.0)),
    )


def _stored(pixels: Pixels, angle: ViewAngle, detail_m: float, rng: np.random.Generator) -> RoofImage:
    """The picture as it reaches the model: the vendor's file, most of them brought into the standard form."""
    width, draw = pixels.shape[1], rng.random()
    pixels = _through_jpeg(pixels, int(rng.integers(88, 95)))
    if draw < STANDARD_SHARE:
        pixels = _without_cast(pixels)
    if draw < ENLARGED_SHARE:
        pixels = cv2.resize(pixels, (STANDARD_PX, STANDARD_PX), interpolation=cv2.INTER_CUBIC).astype(
            np.uint8
        )
        pixels = _through_jpeg(pixels, 90)
    return RoofImage(angle, pixels, detail_m * width / pixels.shape[1], detail_m)


def _without_cast(pixels: Pixels) -> Pixels:
    """Colour cast taken out as the image processor's standard form does it; a test holds the two together."""
    means = pixels.reshape(-1, 3).mean(axis=0) + 1.0
    gains = np.clip(np.sqrt(means.mean() / means), 0.94, 1.06)
    return np.asarray(cv2.transform(pixels, np.diag(gains).astype(np.float32)), np.uint8)


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)
