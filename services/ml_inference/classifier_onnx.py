"""The classifier on ONNX Runtime: engineered features in, calibrated probabilities out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from services.ml_inference.calibration import Familiarity, Probabilities, evidence_of, tempered
from services.ml_inference.features import FEATURE_NAMES, FeatureVector, features_of, only
from services.ml_inference.models import (
    CONDITIONS,
    ClassPrediction,
    ModelIdentity,
    NoUsableImage,
    RoofImage,
    overlap,
)
from shared.schemas.enums import RoofCondition

WEIGHTS_FILE: Final = "classifier.onnx"
CARD_FILE: Final = "classifier.json"

__all__ = ["NoUsableImage", "OnnxClassifier", "load_classifier", "read_card", "read_registry"]


class OnnxClassifier:
    """A Classifier of one weights file; one object a process, safe to call from one thread at a time."""

    def __init__(self, weights: bytes, registry: Mapping[str, Any]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._temperatures: Mapping[str, float] = registry["calibration"]["temperatures"]
        self._familiarity = Familiarity.from_card(registry["familiarity"])
        self.identity = ModelIdentity(
            registry["name"], registry["version"], registry["sha256"], registry["trained_on"]
        )

    def predict(self, images: Sequence[RoofImage]) -> ClassPrediction:
        """The condition of the roof in the pictures; NoUsableImage when none shows a roof."""
        return self.predict_features(features_of(images))

    def predict_features(self, vector: FeatureVector) -> ClassPrediction:
        """The condition by features that were read before."""
        if not vector.has_above and not vector.has_street:
            raise NoUsableImage("no picture shows a roof")
        chances = self.probabilities(vector)
        both = vector.has_above and vector.has_street
        above = _named(self.probabilities(only(vector, above=True))) if vector.has_above else None
        street = _named(self.probabilities(only(vector, above=False))) if vector.has_street else None
        best = int(chances.argmax())
        return ClassPrediction(
            condition=CONDITIONS[best],
            confidence=float(chances[best]),
            probabilities=_named(chances),
            from_above=above,
            from_street=street,
            agreement=overlap(above, street) if both and above is not None and street is not None else None,
            familiar=self._familiarity.distance(vector) <= self._familiarity.limit,
            model=self.identity,
        )

    def probabilities(self, vector: FeatureVector) -> Probabilities:
        """Calibrated probabilities in the order of CONDITIONS."""
        _, raw = self._session.run(None, {self._input: vector.values[None, :]})
        return tempered(np.asarray(raw[0], np.float64), self._temperatures[evidence_of(vector)])


def load_classifier(folder: Path) -> OnnxClassifier:
    """The classifier of a weights folder; ValueError when file and card do not belong together."""
    registry, weights = read_registry(folder), (folder / WEIGHTS_FILE).read_bytes()
    if hashlib.sha256(weights).hexdigest() != registry["sha256"]:
        raise ValueError(f"{WEIGHTS_FILE} is not the file that {CARD_FILE} describes")
    if tuple(registry["features"]) != FEATURE_NAMES:
        raise ValueError(f"{WEIGHTS_FILE} was trained on other features than this code reads")
    return OnnxClassifier(weights, registry)


def read_registry(folder: Path) -> dict[str, Any]:
    """Everything the registry file says: identity, training data, calibration, figures."""
    registry: dict[str, Any] = orjson.loads((folder / CARD_FILE).read_bytes())
    return registry


def read_card(folder: Path) -> dict[str, Any]:
    """What a `models` row needs: name, version, sha256, path, metrics, calibration."""
    registry = read_registry(folder)
    kept = ("name", "version", "sha256", "metrics", "calibration")
    return {**{name: registry[name] for name in kept}, "path": WEIGHTS_FILE}


def _named(chances: Probabilities) -> dict[RoofCondition, float]:
    return {condition: float(chance) for condition, chance in zip(CONDITIONS, chances, strict=True)}
