"""Real roofs with hand-drawn outlines: one crop a building, apart by place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import Pixels, RoofImage
from services.ml_inference.training.pool import SIZE, labels_of
from services.ml_inference.vision import TargetedImage
from services.ml_inference.vision.cropping import cropped
from shared.schemas.enums import ViewAngle

ATLANTA, BANEPA, GGABA = "atlanta_usgs_15cm", "banepa_oam_drone", "ggaba_oam_drone"
SETS: Final = (ATLANTA, BANEPA, GGABA)
TEST_EVERY: Final = 4
"""Every fourth place by name is test and never trained on."""
LEAST_PX, LEAST_SIDE_PX = 300, 14
"""A smaller piece of a mask is a scrap at a tile's edge."""
LEARNT_CROPS: Final = 3
"""Crops of one building to learn from: by its outline, and by two looser guesses."""
ZOOM_19_M: Final = 0.2986
"""Metres a pixel of a web map of zoom 19 at the equator."""
LATITUDES: Final = {BANEPA: 27.6, GGABA: 0.3}


@dataclass(frozen=True, slots=True)
class RealRoofs:
    """Crops of real buildings and which of their pixels are the building."""

    pictures: NDArray[np.uint8]
    roof: NDArray[np.bool_]
    name: NDArray[np.str_]
    """Set each crop comes from."""
    place: NDArray[np.str_]
    """File or parent tile: no place is in two splits, and intervals go by it."""

    def where(self, chosen: NDArray[Any]) -> RealRoofs:
        """The rows of a mask or of indices."""
        return RealRoofs(*(getattr(self, name)[chosen] for name in RealRoofs.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class RealTarget:
    """One real building in its picture."""

    set: str
    place: str
    target: TargetedImage
    roof: NDArray[np.bool_]
    """In the picture's pixels."""

    @property
    def area_sqm(self) -> float:
        """Of the footprint, as far as the picture shows it."""
        return float(self.roof.sum()) * self.target.image.metres_per_pixel**2


def real_targets(folder: Path, *, test: bool, share: float = 1.0) -> Iterator[RealTarget]:
    """The buildings of the test places, or of all others; a share takes the first files of every set."""
    for name in SETS:
        paths = files_of(folder / name, test=test)
        for path in paths[: max(1, round(len(paths) * share))]:
            yield from _buildings(name, path, learn=not test)


def real_roofs(folder: Path, *, test: bool, share: float = 1.0) -> RealRoofs:
    """The same as crops."""
    rows = [_row(each) for each in real_targets(folder, test=test, share=share)]
    return RealRoofs(*(np.stack(column) for column in zip(*rows, strict=True)))


def files_of(folder: Path, *, test: bool) -> list[Path]:
    """The pictures of a set's test places, or of all its others, by name."""
    files = sorted((folder / "images").iterdir())
    places = sorted({place_of(each) for each in files})
    held = set(places[TEST_EVERY - 1 :: TEST_EVERY])
    return [path for path in files if (place_of(path) in held) is test]


def place_of(path: Path) -> str:
    """Ground a file shows: the same tile of zoom 19 for the tiles that show it at several zooms."""
    parts = path.stem.split("_")
    if parts[0] != "ggaba":
        return path.stem
    zoom, column, row = (int(part) for part in parts[1:4])
    return f"ggaba_{column >> (zoom - 19)}_{row >> (zoom - 19)}"


def metres_of(name: str, path: Path) -> float:
    """Metres a pixel of a file."""
    if name == ATLANTA:
        return 0.1524
    zoom = int(path.stem.split("_")[1])
    wide = float(np.cos(np.radians(LATITUDES[name])))
    tile = 2.0 if name == BANEPA else 1.0
    metres: float = ZOOM_19_M * wide / 2 ** (zoom - 19) / tile
    return metres


def _buildings(name: str, path: Path, *, learn: bool) -> Iterator[RealTarget]:
    pixels = _read(path)
    mask = _read(path.parent.parent / "masks" / f"{path.stem}.png").mean(axis=2) > 127
    metres = metres_of(name, path)
    image = RoofImage(ViewAngle.OVERHEAD, pixels, metres, metres)
    if name == ATLANTA:
        whole = np.array(((0, 0), mask.shape[::-1]), np.float32)
        yield RealTarget(name, place_of(path), TargetedImage(image, whole), mask)
        return
    count, pieces, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        left, top, width, height, size = boxes[number]
        if size < LEAST_PX or min(width, height) < LEAST_SIDE_PX:
            continue
        box = np.array(((left, top), (left + width, top + height)), np.float32)
        rng = np.random.default_rng([19, number, left, top])
        for outline in [box] + [_looser(box, rng) for _ in range(LEARNT_CROPS - 1 if learn else 0)]:
            yield RealTarget(
                name, place_of(path), TargetedImage(image, outline), np.asarray(pieces == number)
            )


def _read(path: Path) -> Pixels:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def _looser(box: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A parcel around the building, more or less."""
    size = (box[1] - box[0]).max()
    spread = rng.uniform(0.0, 0.35, (2, 2)) * size
    wider: NDArray[np.float32] = (box + spread * ((-1,), (1,))).astype(np.float32)
    return wider


def _row(each: RealTarget) -> tuple[Any, ...]:
    picture, placed = cropped(each.target, SIZE)
    roof = labels_of(each.roof, np.zeros_like(each.roof), placed) > 0
    return picture, roof, np.str_(each.set), np.str_(each.place)
