"""Fitting, calibrating and measuring the classifier on rows of features."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from services.ml_inference.training.rendered import Rows

Probabilities = NDArray[np.float64]
TEMPERATURES = np.round(np.arange(0.4, 4.01, 0.05), 2)
STEPS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97)
BOOTSTRAPS = 1000
LINEAR_BELOW_ROWS = 1200


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperature of the probabilities, and the share named rightly above each step of the top one."""

    temperature: float
    steps: list[tuple[float, float]]


def fit_network(rows: Rows, seed: int) -> Pipeline:
    """A scaler and a small classifier: linear on few rows, one hidden layer on many."""
    model: Any = (
        LogisticRegression(C=0.3, max_iter=3000)
        if len(rows.labels) < LINEAR_BELOW_ROWS
        else MLPClassifier(
            (48,), alpha=3.0, max_iter=400, early_stopping=True, n_iter_no_change=25, random_state=seed
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Pipeline([("scale", StandardScaler()), ("classify", model)]).fit(rows.features, rows.labels)


def tempered(raw: Probabilities, temperature: float) -> Probabilities:
    """Probabilities sharpened or softened by a temperature."""
    logits = np.log(np.clip(raw, 1e-9, 1.0)) / temperature
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True))


def calibrate(raw: Probabilities, labels: NDArray[np.int64]) -> Calibration:
    """The temperature with the least negative log likelihood, then the honest share above each step.

    A step's value never exceeds what the rows support: (right + 1) / (n + 2), so that few rows promise little.
    """
    losses = [
        -np.mean(np.log(np.clip(tempered(raw, t)[np.arange(len(labels)), labels], 1e-12, 1.0)))
        for t in TEMPERATURES
    ]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    top = tempered(raw, temperature)
    confidence, right = top.max(axis=1), top.argmax(axis=1) == labels
    steps: list[tuple[float, float]] = []
    for low, high in zip(STEPS, (*STEPS[1:], 1.01), strict=True):
        inside = (confidence >= low) & (confidence < high)
        value = (
            float((right[inside].sum() + 1) / (inside.sum() + 2))
            if inside.any()
            else (steps[-1][1] if steps else 0.2)
        )
        steps.append((low, max(value, steps[-1][1] if steps else 0.0)))
    return Calibration(temperature, steps)


def confidence_of(top: Probabilities, calibration: Calibration) -> Probabilities:
    """Calibrated confidence of the best class of each row."""
    lows = np.array([low for low, _ in calibration.steps])
    values = np.array([value for _, value in calibration.steps])
    return np.asarray(values[np.clip(np.searchsorted(lows, top.max(axis=1), side="right") - 1, 0, None)])


def measure(
    probabilities: Probabilities, confidence: Probabilities, labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Accuracy with a 95 % bootstrap interval, calibration error, and what each gate would let through."""
    right = probabilities.argmax(axis=1) == labels
    off = np.abs(probabilities.argmax(axis=1) - labels)
    rng = np.random.default_rng(0)
    draws = [right[rng.integers(0, len(right), len(right))].mean() for _ in range(BOOTSTRAPS)]
    return {
        "n": len(labels),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_interval_95": [round(float(x), 4) for x in np.percentile(draws, (2.5, 97.5))],
        "within_one_class": round(float((off <= 1).mean()), 4),
        "expected_calibration_error": round(float(_calibration_error(confidence, right)), 4),
        "gates": {
            "publish": _gate(confidence >= 0.95, right),
            "onsite_check": _gate((confidence >= 0.70) & (confidence < 0.95), right),
            "review": _gate(confidence < 0.70, right),
        },
    }


def _gate(chosen: NDArray[np.bool_], right: NDArray[np.bool_]) -> dict[str, Any]:
    accuracy = round(float(right[chosen].mean()), 4) if chosen.any() else None
    return {"n": int(chosen.sum()), "share": round(float(chosen.mean()), 4), "accuracy": accuracy}


def _calibration_error(confidence: Probabilities, right: NDArray[np.bool_]) -> float:
    error = 0.0
    for value in np.unique(confidence):
        same = confidence == value
        error += same.mean() * abs(value - right[same].mean())
    return error
