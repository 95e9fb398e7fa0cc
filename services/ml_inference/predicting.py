"""What the models' process does; it loads neither the database nor the web server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from shared.schemas.enums import ModelType, ViewAngle

if TYPE_CHECKING:
    from services.ml_inference.models import ModelIdentity
    from services.ml_inference.vision import Detection, Segmentation, TargetedImage

CPU: Final = "CPUExecutionProvider"
Answer = dict[str, Any]
"""One model's answer as it is stored (ml_inference_jobs.inference_results)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights a process serves, and how."""

    folder: Path
    profile: str
    providers: tuple[str, ...]
    """First choice first; what this machine lacks is passed over."""
    threads: int
    batch_on_gpu: int
    """Pictures that a model is given at once; on a processor it is one, for more are no faster."""


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


_serving: list[tuple[Any, Weights]] = []


def load_weights(weights: Weights) -> None:
    """Make the process ready: the three models of the folder."""
    from services.ml_inference.vision.loading import load_models

    models = load_models(
        weights.folder, weights.profile, providers=weights.providers, threads=weights.threads
    )
    _serving[:] = [(models, weights)]


def loaded() -> Loaded:
    """What this process serves."""
    models, _ = _serving[0]
    return Loaded({role: getattr(models, role.value).identity for role in ModelType}, models.providers)


def look(pictures: Sequence[Picture]) -> Looked:
    """What the models asked for say of each picture, in their order."""
    now = loaded()
    batch = _serving[0][1].batch_on_gpu if now.on_gpu else 1
    seen: list[Seen] = []
    for first in range(0, len(pictures), batch):
        seen += _look_at(pictures[first : first + batch])
    return Looked(seen, now)


def _look_at(pictures: Sequence[Picture]) -> list[Seen]:
    targets = {picture.image_id: target for picture in pictures if (target := _decode(picture)) is not None}
    answers: dict[UUID, dict[ModelType, Answer]] = {image_id: {} for image_id in targets}
    models, _ = _serving[0]
    runs: dict[ModelType, Callable[[Sequence[TargetedImage]], list[Answer]]] = {
        ModelType.SEGMENTOR: lambda found: [_segmented(one) for one in models.segmentor.segment(found)],
        ModelType.CLASSIFIER: lambda found: [_classified(one) for one in models.classifier.classify(found)],
        ModelType.DETECTOR: lambda found: [_detected(one) for one in models.detector.detect(found)],
    }
    for role, run in runs.items():
        asked = [p.image_id for p in pictures if role in p.roles and p.image_id in targets]
        if asked:
            told = run([targets[image_id] for image_id in asked])
            for image_id, answer in zip(asked, told, strict=True):
                answers[image_id][role] = answer
    return [
        Seen(picture.image_id, answers[picture.image_id])
        if picture.image_id in targets
        else Seen(picture.image_id, refused="this file cannot be read as a picture")
        for picture in pictures
    ]


def _decode(picture: Picture) -> TargetedImage | None:
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


def _classified(scores: Any) -> Answer:
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
