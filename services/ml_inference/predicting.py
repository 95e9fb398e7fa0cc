"""What the models' process does; it loads neither the database nor the web server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from shared.schemas.enums import ModelType, ViewAngle

if TYPE_CHECKING:
    from services.ml_inference.models import ModelIdentity
    from services.ml_inference.vision import ConditionScores, Detection, Segmentation, TargetedImage
    from services.ml_inference.vision.loading import Models
    from services.ml_inference.vision.registry import Profile

CPU: Final = "CPUExecutionProvider"
UNREADABLE: Final = "this file cannot be read as a picture"
Answer = dict[str, Any]
"""One model's answer as it is stored (ml_inference_jobs.inference_results)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights a process serves, and how."""

    folder: Path
    profile: Profile
    providers: tuple[str, ...]
    """First choice first; what this machine lacks is passed over."""
    threads: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A standardised picture as bytes, and what it was made of; shares are always those of the original."""

    image_id: UUID
    angle: ViewAngle
    body: bytes
    detail_m: float
    """Metres a pixel as the camera saw it."""
    original: tuple[int, int]
    """Width and height as it was fetched: the standard form keeps its aspect within a square."""
    outline: Sequence[tuple[float, float]] | None = None
    """Where the house stands; None where only the picture's middle is known."""
    roles: frozenset[ModelType] = frozenset(ModelType)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the models say of one picture; `refused` says why none could look at it."""

    image_id: UUID
    answers: dict[ModelType, Answer] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a process has loaded: identities by role, and the execution providers that run them."""

    identities: dict[ModelType, ModelIdentity]
    providers: tuple[str, ...]
    """What runs them, first choice first."""

    @property
    def on_gpu(self) -> bool:
        """Whether several pictures are run faster at once than one by one."""
        return self.providers[0] != CPU


@dataclass(frozen=True, slots=True)
class Looked:
    """Answers, and the weights that gave them."""

    seen: list[Seen]
    loaded: Loaded


_serving: list[tuple[Models, tuple[str, ...]]] = []


def load_weights(weights: Weights) -> None:
    """Make the process ready: the three models of the folder, run by what this machine has of the providers."""
    import onnxruntime

    from services.ml_inference.vision.loading import load_models

    there = set(onnxruntime.get_available_providers())
    providers = tuple(name for name in weights.providers if name in there) or (CPU,)
    models = load_models(weights.folder, weights.profile, providers=providers, threads=weights.threads)
    _serving[:] = [(models, providers)]


def loaded() -> Loaded:
    """What this process serves."""
    models, providers = _serving[0]
    return Loaded({role: getattr(models, role.value).identity for role in ModelType}, providers)


def look(pictures: Sequence[Picture]) -> Looked:
    """What the models asked for say of each picture, in their order."""
    return Looked(_look_at(pictures), loaded())


def _look_at(pictures: Sequence[Picture]) -> list[Seen]:
    """The segmentor looks first, for the others are aimed at the roof it finds."""
    from services.ml_inference.vision.cropping import on_roof

    models, _ = _serving[0]
    targets = {picture.image_id: target for picture in pictures if (target := decoded(picture)) is not None}
    outlined = dict(zip(targets, models.segmentor.segment(list(targets.values())), strict=True))
    aimed = {image_id: on_roof(target, outlined[image_id]) for image_id, target in targets.items()}

    def asked(role: ModelType) -> list[UUID]:
        return [
            picture.image_id for picture in pictures if role in picture.roles and picture.image_id in targets
        ]

    answers: dict[UUID, dict[ModelType, Answer]] = {image_id: {} for image_id in targets}
    for image_id in asked(ModelType.SEGMENTOR):
        answers[image_id][ModelType.SEGMENTOR] = _segmented(outlined[image_id])
    images = asked(ModelType.CLASSIFIER)
    for image_id, scores in zip(
        images, models.classifier.classify([aimed[one] for one in images]), strict=True
    ):
        answers[image_id][ModelType.CLASSIFIER] = _classified(scores)
    images = asked(ModelType.DETECTOR)
    for image_id, found in zip(images, models.detector.detect([aimed[one] for one in images]), strict=True):
        answers[image_id][ModelType.DETECTOR] = _detected(found)
    return [
        Seen(picture.image_id, answers[picture.image_id])
        if picture.image_id in targets
        else Seen(picture.image_id, refused=UNREADABLE)
        for picture in pictures
    ]


def decoded(picture: Picture) -> TargetedImage | None:
    """The picture as a model takes it; None for a file that is none."""
    import cv2
    import numpy as np

    from services.ml_inference.models import RoofImage
    from services.ml_inference.vision import TargetedImage

    data = np.frombuffer(picture.body, np.uint8)
    bgr: Any = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        return None
    pixels = _without_bars(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), picture.original)
    rows, columns = pixels.shape[:2]
    enlarged = picture.detail_m * picture.original[0] / columns
    corners = picture.outline
    outline = np.asarray(corners, np.float32) * np.array((columns, rows), np.float32) if corners else None
    return TargetedImage(RoofImage(picture.angle, pixels, enlarged, picture.detail_m), outline)


def _without_bars(pixels: Any, original: tuple[int, int]) -> Any:
    """The part of a square standard form that shows the original."""
    side, (width, height) = pixels.shape[0], original
    wide, high = (max(1, round(side * length / max(width, height))) for length in (width, height))
    left, top = (side - wide) // 2, (side - high) // 2
    return pixels[top : top + high, left : left + wide]


def _classified(scores: ConditionScores) -> Answer:
    from services.ml_inference.models import CONDITIONS

    chances = zip(CONDITIONS, scores.probabilities, strict=True)
    return {
        "probabilities": {condition.value: round(float(chance), 4) for condition, chance in chances},
        "distance": round(float(scores.distance), 3),
        "familiar": bool(scores.familiar),
    }


def _detected(found: Sequence[Detection]) -> Answer:
    return {
        "damages": [
            {
                "damage": one.damage.value,
                "confidence": round(float(one.confidence), 4),
                "box": [round(float(edge), 5) for edge in one.box],
            }
            for one in found
        ]
    }


def _segmented(found: Segmentation) -> Answer:
    from services.ml_inference.masks import outlines_of

    left, top, right, bottom = found.window
    roof = float(found.roof.mean()) * (right - left) * (bottom - top)
    damaged = float((found.damage & found.roof).sum()) / max(1, int(found.roof.sum()))
    return {
        "roof": outlines_of(found.roof, found.window),
        "damaged": outlines_of(found.damage & found.roof, found.window),
        "roof_share": round(roof, 6),
        "damaged_share": round(damaged, 5),
        "confidence": round(float(found.confidence), 4) if roof else None,
    }
