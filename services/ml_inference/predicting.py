"""What the model's process does; it loads neither the database nor the web server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.ml_inference.models import Classifier, ClassPrediction, RoofImage
from shared.schemas.enums import ViewAngle

_classifier: list[Classifier] = []


@dataclass(frozen=True, slots=True)
class Picture:
    """A standardised picture as bytes, with how fine the camera saw (metres a pixel) over `original_side` pixels."""

    angle: ViewAngle
    body: bytes
    detail_m: float
    original_side: int


def load_weights(folder: Path) -> None:
    """Make the process ready: the classifier of the folder."""
    from services.ml_inference.classifier_onnx import load_classifier

    _classifier[:] = [load_classifier(folder)]


def predict(pictures: list[Picture]) -> ClassPrediction | None:
    """The answer of the model; None when no picture shows a roof."""
    from services.ml_inference.classifier_onnx import NoUsableImage

    try:
        return _classifier[0].predict([_decode(picture) for picture in pictures])
    except NoUsableImage:
        return None


def _decode(picture: Picture) -> RoofImage:
    import cv2
    import numpy as np

    bgr: Any = cv2.imdecode(np.frombuffer(picture.body, np.uint8), cv2.IMREAD_COLOR)
    pixels = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    enlarged = picture.detail_m * picture.original_side / pixels.shape[0]
    return RoofImage(picture.angle, pixels, enlarged, picture.detail_m)
