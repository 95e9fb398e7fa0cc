"""Pictures cut and scaled once and kept as arrays outside the repository, so that training never renders twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.training.pictures import (
    ANY_ROOF,
    DAMAGED_ROOF,
    FOREIGN_ROOF,
    SHIFTED,
    USUAL,
    Example,
    House,
    damaged_houses,
    from_above,
    from_street,
    random_houses,
    town_houses,
)
from services.ml_inference.vision import DAMAGE_TYPES, TargetedImage
from services.ml_inference.vision.cropping import Placement, cropped, letterboxed
from shared.sandbox.render import STREET_SIDES
from shared.sandbox.town.model import DamageKind
from shared.schemas.enums import DamageType, ViewAngle

SIZE: Final = 256
PART: Final = 60
BACKGROUND, ROOF, DAMAGE = 0, 1, 2
NO_LABEL: Final = -1
LEAST_ROOF_PX: Final = 250
"""A roof of fewer pixels in the picture is no roof to judge."""
LEAST_BOX_PX: Final = 13.0
MOST_BOXES: Final = 8
DETECTOR_CLASS: Final = {
    kind: DAMAGE_TYPES.index(
        DamageType.PONDING if kind is DamageKind.PONDING_WATER else DamageType(kind.value)
    )
    for kind in DamageKind
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Where pictures come from: a town by name and seed, or random roofs; `first` separates the splits."""

    origin: str
    seed: int
    first: int
    count: int

    @property
    def name(self) -> str:
        """File name of its pictures."""
        return f"{self.origin}-{self.seed}-{self.first}-{self.count}".replace(" ", "_")

    def parts(self) -> Iterator[Batch]:
        """Small enough that an interrupted run loses little."""
        for start in range(0, self.count, PART):
            yield Batch(self.origin, self.seed, self.first + start, min(PART, self.count - start))


@dataclass(frozen=True, slots=True)
class Pool:
    """Pictures and their truth, one row a picture."""

    wide: NDArray[np.uint8]
    """What the segmentor is shown: by the known outline or the picture's middle."""
    labels: NDArray[np.uint8]
    """Background, roof or damage for every pixel of `wide`."""
    close: NDArray[np.uint8]
    """What classifier and detector are shown: the roof."""
    boxes: NDArray[np.float32]
    """Up to MOST_BOXES rows of (class, left, top, right, bottom) in `close`'s pixels; class -1 for none."""
    condition: NDArray[np.int64]
    """Index of the condition; NO_LABEL where the picture shows no roof."""
    wear: NDArray[np.float32]
    above: NDArray[np.bool_]
    detail_m: NDArray[np.float32]
    """As the camera saw it."""
    wide_m: NDArray[np.float32]
    """Metres one pixel of `wide` spans."""
    area_sqm: NDArray[np.float32]
    """True area of the roof seen from above; 0 for street pictures."""
    house: NDArray[np.str_]
    """Origin, seed and number: splits and intervals go by it."""

    def __len__(self) -> int:
        return len(self.condition)

    def where(self, chosen: NDArray[Any]) -> Pool:
        """The rows of a mask or of indices."""
        return Pool(*(getattr(self, name)[chosen] for name in COLUMNS))


HOUSES: Final = {ANY_ROOF: random_houses, FOREIGN_ROOF: random_houses, DAMAGED_ROOF: damaged_houses}
COLUMNS: Final = tuple(Pool.__dataclass_fields__)
TRAIN, CALIBRATE, TEST, MOVED = "train", "calibrate", "test", "shifted"
SPLITS: Final = {
    TRAIN: (
        Batch(ANY_ROOF, 11, 0, 2400),
        Batch("Ellery", 101, 0, 240),
        Batch("Quill", 102, 0, 240),
        Batch("Harrow", 103, 0, 360),
        Batch(DAMAGED_ROOF, 15, 0, 900),
    ),
    CALIBRATE: (Batch(ANY_ROOF, 13, 0, 300), Batch("Marn", 104, 0, 120)),
    TEST: (Batch(ANY_ROOF, 12, 0, 360), Batch("Sable", 201, 0, 120), Batch("Harrow", 202, 0, 120)),
    MOVED: (Batch(FOREIGN_ROOF, 14, 0, 300),),
}
"""Apart by town, seed and house; seed 7, the demo's, is in none of them."""


def scaled(split: str, share: float) -> tuple[Batch, ...]:
    """The split's batches with this share of their houses, at least four each."""
    return tuple(
        Batch(batch.origin, batch.seed, batch.first, max(4, round(batch.count * share)))
        for batch in SPLITS[split]
    )


def pool_of(split: str, folder: Path, *, share: float = 1.0, workers: int = 1) -> Pool:
    """The pictures of a split, rendered where the folder does not have them yet; read from disk as they are needed."""
    parts = [part for batch in scaled(split, share) for part in batch.parts()]
    whole = folder / f"{split}-{sum(part.count for part in parts)}"
    if not whole.exists():
        missing = [part for part in parts if not _file(part, folder).exists()]
        if workers < 2:
            for part in missing:
                _keep(part, folder)
        elif missing:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
                list(processes.map(_keep, missing, [folder] * len(missing)))
        _join([_file(part, folder) for part in parts], whole)
    return Pool(*(np.load(whole / f"{name}.npy", mmap_mode="r") for name in COLUMNS))


def _join(parts: Sequence[Path], whole: Path) -> None:
    """One array file a column, so that several trainings share the same memory."""
    partial = whole.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    for name in COLUMNS:
        columns = []
        for part in parts:
            with np.load(part) as stored:
                columns.append(stored[name])
        np.save(partial / f"{name}.npy", np.concatenate(columns))
    partial.rename(whole)


def joined(pools: Sequence[Pool]) -> Pool:
    """All rows, in order."""
    return Pool(*(np.concatenate([getattr(pool, name) for pool in pools]) for name in COLUMNS))


def _file(part: Batch, folder: Path) -> Path:
    return folder / f"{part.name}.npz"


def _keep(part: Batch, folder: Path) -> None:
    cv2.setNumThreads(1)
    pool = rendered(part)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{part.name}.partial"
    with partial.open("wb") as out:
        np.savez(out, **{name: getattr(pool, name) for name in COLUMNS})
    partial.rename(_file(part, folder))


def rendered(part: Batch) -> Pool:
    """The batch's pictures and their truth."""
    rows = [
        _row(example, f"{part.origin}-{part.seed}-{example.house.number}") for example in examples_of(part)
    ]
    return Pool(*(np.stack([row[name] for row in rows]) for name in COLUMNS))


def houses_of(part: Batch) -> Iterator[House]:
    """The batch's houses, drawn at random or a town's."""
    return HOUSES.get(part.origin, town_houses)(part.origin, part.seed, part.first, part.count)


def examples_of(part: Batch) -> Iterator[Example]:
    """The batch's pictures: one from above a house, one from a side of every second."""
    style = SHIFTED if part.origin == FOREIGN_ROOF else USUAL
    for house in houses_of(part):
        yield from_above(house, style)
        side = house.seed % (2 * len(STREET_SIDES))
        if side < len(STREET_SIDES):
            yield from_street(house, style, STREET_SIDES[side])


def _row(example: Example, house: str) -> dict[str, Any]:
    target, truth = example.target, example.truth
    wide, placed = cropped(target, SIZE)
    shown = int(truth.roof.sum()) * (target.image.metres_per_pixel / target.image.detail_m) ** 2
    close, near = cropped(_at_the_roof(example), SIZE)
    seen = shown >= LEAST_ROOF_PX
    above = target.image.angle is ViewAngle.OVERHEAD
    return {
        "wide": wide,
        "labels": labels_of(truth.roof, truth.damaged, placed),
        "close": close,
        "boxes": _boxes(example, near),
        "condition": np.int64(example.label if seen else NO_LABEL),
        "wear": np.float32(example.house.scene.wear),
        "above": np.bool_(above),
        "detail_m": np.float32(target.image.detail_m),
        "wide_m": np.float32(target.image.metres_per_pixel / placed.scale),
        "area_sqm": np.float32(truth.roof.sum() * target.image.metres_per_pixel**2 if above else 0.0),
        "house": np.str_(house),
    }


def labels_of(roof: NDArray[np.bool_], damaged: NDArray[np.bool_], placed: Placement) -> NDArray[np.uint8]:
    """Class of every pixel of the net's square."""
    classes = np.where(roof & damaged, DAMAGE, np.where(roof, ROOF, BACKGROUND)).astype(np.uint8)
    return letterboxed(classes, placed, how=cv2.INTER_NEAREST, fill=BACKGROUND)


def shown(pictures: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Stored squares at a net's size."""
    how = cv2.INTER_AREA
    return np.stack([np.asarray(cv2.resize(each, (size, size), interpolation=how)) for each in pictures])


def labels_at(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Stored classes of pixels at a net's size."""
    return np.asarray(cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST), np.uint8)


def _at_the_roof(example: Example) -> TargetedImage:
    """Aimed at the roof as the segmentor's answer aims it: nearly, not exactly; where there is none, as before."""
    rows, columns = (np.flatnonzero(example.truth.roof.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return example.target
    digest = hashlib.sha256(f"{example.house.seed}-{example.target.image.angle}".encode()).digest()
    rng = np.random.default_rng(list(digest[:8]))
    low, high = np.array((columns[0], rows[0]), float), np.array((columns[-1] + 1, rows[-1] + 1), float)
    spread = 0.05 * float((high - low).max())
    corners = np.array((low + rng.normal(0.0, spread, 2), high + rng.normal(0.0, spread, 2)))
    return TargetedImage(example.target.image, corners.astype(np.float32))


def _boxes(example: Example, placed: Placement) -> NDArray[np.float32]:
    rows = np.full((MOST_BOXES, 5), -1.0, np.float32)
    at = 0
    for seen in sorted(example.truth.damages, key=lambda each: -int(each.mask.sum())):
        corners = placed.to_net(np.array((seen.box[:2], seen.box[2:])))
        corners = np.clip(corners, 0, SIZE)
        if at < MOST_BOXES and (corners[1] - corners[0]).min() >= LEAST_BOX_PX:
            rows[at] = (DETECTOR_CLASS[seen.damage.kind], *corners[0], *corners[1])
            at += 1
    return rows
