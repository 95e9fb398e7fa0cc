"""Fits the classifier, exports it and finds its calibration."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from services.ml_inference.calibration import EVIDENCE, Familiarity, evidence_of, tempered
from services.ml_inference.features import FEATURE_NAMES, FeatureVector, only
from services.ml_inference.models import CONDITIONS
from services.ml_inference.training.rendered import Rows

MEMBERS = 5
HIDDEN = (64,)
PENALTY = 2.0
ROUNDS = 160
FAMILIAR_SHARE = 0.998
FAMILIAR_MARGIN = 1.25
OPSET = 17


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained classifier as it is served."""

    weights: bytes
    temperatures: Mapping[str, float]
    familiarity: Familiarity

    @property
    def sha256(self) -> str:
        """Digest of the weights."""
        return hashlib.sha256(self.weights).hexdigest()


def fit(train: Rows, calibration: Rows, *, members: int = MEMBERS, rounds: int = ROUNDS) -> Fitted:
    """The classifier of the training rows, calibrated on rows it never saw."""
    features, labels = with_missing_views(train)
    networks = [(f"member{number}", _network(number, rounds)) for number in range(members)]
    model = make_pipeline(
        StandardScaler(), VotingClassifier(networks, voting="soft", flatten_transform=False)
    )
    with warnings.catch_warnings():
        # The number of rounds is the regulariser here; running into it is meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, labels)
    return Fitted(
        _export(model, features), _temperatures(model, calibration), _familiarity(train, calibration)
    )


def with_missing_views(rows: Rows) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Every house as it is, and once more by each kind of its pictures alone: any subset can be served."""
    features, labels = [], []
    for values, label in zip(rows.features, rows.labels, strict=True):
        vector = FeatureVector(values)
        seen = [vector] if vector.has_above or vector.has_street else []
        if vector.has_above and vector.has_street:
            seen += [only(vector, above=True), only(vector, above=False)]
        features += [each.values for each in seen]
        labels += [label] * len(seen)
    return np.stack(features), np.asarray(labels, np.int64)


def _network(number: int, rounds: int) -> MLPClassifier:
    return MLPClassifier(
        hidden_layer_sizes=HIDDEN,
        alpha=PENALTY,
        max_iter=rounds,
        batch_size=64,
        learning_rate_init=2e-3,
        n_iter_no_change=rounds,
        random_state=1000 + number,
    )


def _export(model: Pipeline, features: NDArray[np.float32]) -> bytes:
    """ONNX bytes whose second output are the probabilities as one matrix."""
    graph = to_onnx(model, features[:1], options={"zipmap": False}, target_opset=OPSET)
    data: bytes = graph.SerializeToString()
    return data


def _temperatures(model: Pipeline, rows: Rows) -> dict[str, float]:
    """The temperature of least surprise for each kind of evidence."""
    features, labels = with_missing_views(rows)
    kinds = np.array([evidence_of(FeatureVector(values)) for values in features])
    raw = np.asarray(model.predict_proba(features), np.float64)
    return {kind: _best_temperature(raw[kinds == kind], labels[kinds == kind]) for kind in EVIDENCE}


def _best_temperature(raw: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    if len(labels) == 0:
        return 1.0
    tried = np.exp(np.linspace(np.log(0.4), np.log(4.0), 91))
    surprise = [-np.log(tempered(raw, t)[np.arange(len(labels)), labels]).mean() for t in tried]
    return round(float(tried[int(np.argmin(surprise))]), 4)


def _familiarity(train: Rows, calibration: Rows) -> Familiarity:
    """Centre and spread of the training features; the limit from rows that were not fitted."""
    seen = train.features.copy()
    street = FEATURE_NAMES.index("street_count")
    seen[seen[:, 0] == 0, :street] = np.nan
    seen[seen[:, street] == 0, street:] = np.nan
    mean, deviation = np.nanmean(seen, axis=0), np.maximum(np.nanstd(seen, axis=0), 0.02)
    probe = Familiarity(mean.astype(np.float32), deviation.astype(np.float32), 0.0)
    vectors = [FeatureVector(values) for values in calibration.features]
    distances = [probe.distance(each) for each in vectors if each.has_above or each.has_street]
    limit = float(np.quantile(distances, FAMILIAR_SHARE)) * FAMILIAR_MARGIN
    return Familiarity(probe.mean, probe.deviation, round(limit, 4))


def registry_of(fitted: Fitted, *, data: Mapping[str, Any]) -> dict[str, Any]:
    """The registry file of a trained classifier, before it was measured."""
    return {
        "name": "roof-condition-features-mlp",
        "version": f"1-{fitted.sha256[:8]}",
        "sha256": fitted.sha256,
        "classes": [condition.value for condition in CONDITIONS],
        "trained_on": "rendered",
        "training_data": dict(data),
        "architecture": f"standard scaler, {MEMBERS} networks of {HIDDEN[0]} hidden units voting, temperature per evidence",
        "calibration": {"kind": "temperature", "temperatures": dict(fitted.temperatures)},
        "familiarity": {
            "mean": [round(float(value), 5) for value in fitted.familiarity.mean],
            "deviation": [round(float(value), 5) for value in fitted.familiarity.deviation],
            "limit": fitted.familiarity.limit,
        },
        "metrics": {},
        "features": list(FEATURE_NAMES),
    }
