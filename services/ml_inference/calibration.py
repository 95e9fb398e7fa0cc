"""From raw scores to probabilities that mean what they say, and a test for pictures unlike any seen before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.features import FEATURE_NAMES, FeatureVector

Probabilities = NDArray[np.float64]
EVIDENCE = ("both", "above", "street")
_STREET_AT = FEATURE_NAMES.index("street_count")


def evidence_of(vector: FeatureVector) -> str:
    """Which kinds of pictures an answer rests on: each kind is calibrated for itself."""
    if vector.has_above and vector.has_street:
        return "both"
    return "above" if vector.has_above else "street"


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Rows of probabilities after temperature scaling; above 1 the answer becomes less sure."""
    scaled = np.log(np.clip(probabilities, 1e-9, 1.0)) / temperature
    raised = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: Probabilities = raised / raised.sum(axis=-1, keepdims=True)
    return result


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How far a house's features may lie from the training data before a person should look."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    limit: float

    def distance(self, vector: FeatureVector) -> float:
        """Mean squared deviation of the features that are there, 1 for a typical house."""
        present = np.zeros(len(FEATURE_NAMES), bool)
        present[:_STREET_AT] = vector.has_above
        present[_STREET_AT:] = vector.has_street
        away = (vector.values - self.mean) / self.deviation
        return float(np.mean(np.clip(away[present] ** 2, 0.0, 100.0)))

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Familiarity:
        """As the registry file holds it."""
        return cls(
            np.asarray(card["mean"], np.float32),
            np.asarray(card["deviation"], np.float32),
            float(card["limit"]),
        )
