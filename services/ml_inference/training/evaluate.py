"""Measure the shipped classifier on held-out houses: `python -m services.ml_inference.training.evaluate [--write]`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from services.ml_inference.calibration import Probabilities
from services.ml_inference.classifier_onnx import OnnxClassifier, load_classifier
from services.ml_inference.features import FeatureVector, only
from services.ml_inference.training.card import write_figures
from services.ml_inference.training.measures import Answers, confusion, measure, reliability
from services.ml_inference.training.rendered import ANY_ROOF, Rows
from services.ml_inference.training.splits import TEST, rows_of

SERVICE = Path(__file__).resolve().parents[1]


def figures_of(classifier: OnnxClassifier, rows: Rows) -> dict[str, Any]:
    """All figures of the held-out rows, by kind of house and by kind of picture."""
    vectors = [FeatureVector(values) for values in rows.features]
    seen = np.array([vector.has_above or vector.has_street for vector in vectors])
    towns = rows.origin != ANY_ROOF
    everything = _answers(classifier, rows, vectors, seen)
    groups = {
        "all": everything,
        "any_roof": _answers(classifier, rows, vectors, seen & ~towns),
        "towns": _answers(classifier, rows, vectors, seen & towns),
        "towns_old_roofs": _answers(classifier, rows, vectors, seen & towns & rows.aged),
        "above_only": _by_one_kind(classifier, rows, vectors, above=True),
        "street_only": _by_one_kind(classifier, rows, vectors, above=False),
    }
    familiar = [
        classifier.predict_features(each).familiar for each, ok in zip(vectors, seen, strict=True) if ok
    ]
    return {
        "held_out": {name: measure(answers) for name, answers in groups.items() if len(answers.labels)},
        "reliability": reliability(everything),
        "confusion": confusion(everything),
        "without_usable_picture": int((~seen).sum()),
        "familiar_share": round(float(np.mean(familiar)), 4),
    }


def _answers(
    classifier: OnnxClassifier, rows: Rows, vectors: list[FeatureVector], chosen: np.ndarray[Any, Any]
) -> Answers:
    return _stacked(
        [classifier.probabilities(vectors[at]) for at in np.flatnonzero(chosen)], rows.labels[chosen]
    )


def _by_one_kind(
    classifier: OnnxClassifier, rows: Rows, vectors: list[FeatureVector], *, above: bool
) -> Answers:
    chosen = [at for at, each in enumerate(vectors) if (each.has_above if above else each.has_street)]
    return _stacked(
        [classifier.probabilities(only(vectors[at], above=above)) for at in chosen], rows.labels[chosen]
    )


def _stacked(probabilities: list[Probabilities], labels: np.ndarray[Any, Any]) -> Answers:
    return Answers(np.stack(probabilities) if probabilities else np.zeros((0, 5)), labels)


def table_of(figures: dict[str, Any]) -> str:
    """The figures as lines for a terminal."""
    lines = [
        f"{'houses':18}{'n':>6}{'accuracy':>22}{'ece':>8}{'>= 0.95':>9}{'right':>22}{'0.70-0.95':>11}{'right':>8}"
    ]
    for name, group in figures["held_out"].items():
        lines.append(
            f"{name:18}{group['n']:>6}{_with_interval(group['accuracy']):>22}{group['ece']['value']:>8.3f}"
            f"{group['coverage_auto']['value']:>9.3f}{_with_interval(group['accuracy_auto']):>22}"
            f"{group['coverage_onsite']['value']:>11.3f}{group['accuracy_onsite']['value'] or 0:>8.3f}"
        )
    return "\n".join([*lines, "rendered data only", ""])


def _with_interval(figure: dict[str, float | None]) -> str:
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    return "-" if value is None or low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the held-out houses")
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps rendered rows")
    parser.add_argument("--weights", type=Path, default=SERVICE / "weights")
    parser.add_argument("--card", type=Path, default=SERVICE / "MODEL_CARD.md")
    parser.add_argument(
        "--write", action="store_true", help="write the figures into registry file and model card"
    )
    given = parser.parse_args(arguments)
    rows = rows_of(TEST, share=given.share, workers=given.workers, cache=given.cache)
    figures = figures_of(load_classifier(given.weights), rows)
    if given.write:
        write_figures(given.weights, given.card, figures)
    parser.exit(0, table_of(figures))


if __name__ == "__main__":
    main()
