"""The shipped models on pictures they never saw, through the same path that serving takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from services.ml_inference.training.matching import overlap
from services.ml_inference.training.pictures import USUAL, Example, from_above, from_street
from services.ml_inference.training.pool import (
    DETECTOR_CLASS,
    LEAST_BOX_PX,
    LEAST_ROOF_PX,
    SIZE,
    TEST,
    Batch,
    examples_of,
    houses_of,
    scaled,
)
from services.ml_inference.training.real import RealTarget, real_targets
from services.ml_inference.vision import DAMAGE_TYPES, Detection, Segmentation, TargetedImage
from services.ml_inference.vision.boxes import Boxes
from services.ml_inference.vision.classifier import kind_of
from services.ml_inference.vision.cropping import MARGIN, on_roof
from services.ml_inference.vision.loading import Models
from services.ml_inference.vision.registry import ModelEntry
from shared.sandbox.render import STREET_SIDES

AREA_LEAST_SQM: Final = 20.0
ALL_ROUND: Final = 150
"""Houses of which all five pictures are judged."""


class Found(NamedTuple):
    """What was found beside what is there, in one picture's pixels."""

    boxes: Boxes
    truth: NDArray[np.float64]
    """Rows of (class, left, top, right, bottom)."""


@dataclass(slots=True)
class Judged:
    """Answers and truth, one row a picture."""

    house: list[str] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    """Index of the condition; -1 where the picture shows no roof."""
    chances: list[NDArray[np.float64]] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)
    familiar: list[bool] = field(default_factory=list)
    roof: list[float] = field(default_factory=list)
    """Overlap of the roof; NaN where there is none."""
    damage: list[float] = field(default_factory=list)
    certainty: list[float] = field(default_factory=list)
    area_error: list[float] = field(default_factory=list)
    """Found area over the true one, less one; NaN from the street."""
    found: list[Found] = field(default_factory=list)

    def column(self, name: str) -> NDArray[Any]:
        """One column as an array."""
        return np.array(getattr(self, name))

    def __len__(self) -> int:
        return len(self.house)


def rendered_examples(split: str, share: float) -> Iterator[tuple[str, Example]]:
    """Origin and picture of every held-out house of a split."""
    for batch in scaled(split, share):
        for example in examples_of(batch):
            yield _house_of(batch, example), example


def examples_all_round(share: float) -> Iterator[tuple[str, Example]]:
    """Pictures from above and from all four sides of the first held-out houses, as an order takes them."""
    batch = scaled(TEST, share)[0]
    for house in islice(houses_of(batch), ALL_ROUND):
        for example in (
            from_above(house, USUAL),
            *(from_street(house, USUAL, side) for side in STREET_SIDES),
        ):
            yield _house_of(batch, example), example


def judged(models: Models, examples: Iterable[tuple[str, Example]]) -> Judged:
    """The three models' answers to rendered pictures."""
    rows = Judged()
    for house, example in examples:
        target, truth = example.target, example.truth
        (outline,) = models.segmentor.segment([target])
        aimed = on_roof(target, outline)
        (scores,) = models.classifier.classify([aimed])
        (damages,) = models.detector.detect([aimed])
        metres = target.image.metres_per_pixel
        shown = int(truth.roof.sum()) * (metres / target.image.detail_m) ** 2
        rows.house.append(house)
        rows.origin.append(house.rsplit("-", 2)[0])
        rows.kind.append(kind_of(target.image))
        rows.label.append(example.label if shown >= LEAST_ROOF_PX else -1)
        rows.chances.append(scores.probabilities)
        rows.distance.append(scores.distance)
        rows.familiar.append(scores.familiar)
        rows.roof.append(_overlap(outline, outline.roof, truth.roof))
        rows.damage.append(_overlap(outline, outline.damage, truth.damaged))
        rows.certainty.append(outline.confidence)
        true_sqm = float(truth.roof.sum()) * metres**2
        above = rows.kind[-1] != "street" and true_sqm > AREA_LEAST_SQM
        rows.area_error.append(area_of(outline, target) / true_sqm - 1 if above else float("nan"))
        rows.found.append(Found(_boxes(damages, target), _true_boxes(example)))
    return rows


def judged_real(models: Models, folder: Path, *, share: float = 1.0) -> dict[str, list[Any]]:
    """The segmentor's overlap and area error on real buildings of places it never saw."""
    rows: dict[str, list[Any]] = {"set": [], "place": [], "roof": [], "area_error": []}
    for each in real_targets(folder, test=True, share=share):
        (outline,) = models.segmentor.segment([each.target])
        rows["set"].append(each.set)
        rows["place"].append(each.place)
        rows["roof"].append(_overlap(outline, outline.roof, each.roof))
        rows["area_error"].append(_area_error(outline, each))
    return rows


def _area_error(outline: Segmentation, each: RealTarget) -> float:
    return area_of(outline, each.target) / each.area_sqm - 1


def area_of(found: Segmentation, target: TargetedImage) -> float:
    """Square metres of the roof that was found, seen from above."""
    rows, columns = target.image.pixels.shape[:2]
    left, top, right, bottom = found.window
    window = (right - left) * columns * (bottom - top) * rows
    share, metres = float(found.roof.mean()), float(target.image.metres_per_pixel)
    return float(share * window * metres**2)


def uncut(entry: ModelEntry) -> ModelEntry:
    """A detector's entry that reports every box: average precision needs the unsure ones too."""
    return replace(entry, thresholds=dict.fromkeys(entry.thresholds, 0.0))


def _overlap(outline: Segmentation, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Over the window alone, at the picture's own resolution."""
    rows, columns = truth.shape
    left, top, right, bottom = outline.window
    window = truth[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
    size = (window.shape[1], window.shape[0])
    wide = cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return overlap(np.asarray(wide), window)


def _boxes(damages: list[Detection], target: TargetedImage) -> Boxes:
    rows, columns = target.image.pixels.shape[:2]
    corners = np.array([damage.box for damage in damages], np.float32).reshape(-1, 4)
    return Boxes(
        corners * np.array((columns, rows, columns, rows), np.float32),
        np.array([damage.confidence for damage in damages], np.float32),
        np.array([DAMAGE_TYPES.index(damage.damage) for damage in damages], np.int64),
    )


def _true_boxes(example: Example) -> NDArray[np.float64]:
    """What can be told at the net's size, as it was learnt."""
    roof = example.truth.roof
    if not roof.any():
        return np.zeros((0, 5))
    rows, columns = np.flatnonzero(roof.any(axis=1)), np.flatnonzero(roof.any(axis=0))
    scale = SIZE / (MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0], 1))
    kept = [
        (DETECTOR_CLASS[seen.damage.kind], *seen.box)
        for seen in example.truth.damages
        if min(seen.box[2] - seen.box[0], seen.box[3] - seen.box[1]) * scale >= LEAST_BOX_PX
    ]
    return np.array(kept, np.float64).reshape(-1, 5)


def _house_of(batch: Batch, example: Example) -> str:
    return f"{batch.origin}-{batch.seed}-{example.house.number}"
