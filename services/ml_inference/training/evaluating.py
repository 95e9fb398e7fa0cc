"""Measures the shipped models on held-out rendered, shifted and real pictures, and writes what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.ml_inference.training.card import card_text
from services.ml_inference.training.figures import (
    condition_figures,
    condition_tables,
    damage_figures,
    outline_figures,
    real_figures,
)
from services.ml_inference.training.judging import (
    examples_all_round,
    judged,
    judged_real,
    rendered_examples,
    uncut,
)
from services.ml_inference.training.pool import MOVED, TEST
from services.ml_inference.vision.classifier import OnnxClassifier
from services.ml_inference.vision.detector import OnnxDetector
from services.ml_inference.vision.loading import Models
from services.ml_inference.vision.net import Net, weights_of
from services.ml_inference.vision.registry import ModelEntry, read_entries, read_registry, write_registry
from services.ml_inference.vision.segmentor import OnnxSegmentor

RENDERED, SHIFTED, REAL = "rendered", "shifted", "real"
HEADLINES: Final = {
    "classifier": ("accuracy", ("houses", "accuracy")),
    "detector": ("mAP@0.5", ("map50",)),
    "segmentor": ("roof IoU", ("roof_iou",)),
}
"""The one figure of each model, and where the rendered table has it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of the three models by table."""

    tables: dict[str, dict[str, Any]]
    """Role, then table."""


def evaluate(weights: Path, real: Path | None, *, share: float = 1.0) -> Measured:
    """Figures of a folder's weights; real roofs only where their folder is at hand."""
    entries = read_entries(weights)
    models = _uncut_models(weights, entries)
    thresholds = entries["detector"].thresholds
    tables: dict[str, dict[str, Any]] = {role: {} for role in entries}
    for name, split in ((RENDERED, TEST), (SHIFTED, MOVED)):
        rows = judged(models, rendered_examples(split, share))
        around = judged(models, examples_all_round(share)) if name == RENDERED else None
        tables["classifier"][name] = {**condition_figures(rows, around), **condition_tables(rows)}
        tables["detector"][name] = damage_figures(rows, thresholds)
        tables["segmentor"][name] = outline_figures(rows)
    if real is not None:
        tables["segmentor"][REAL] = real_figures(judged_real(models, real, share=share))
    return Measured(tables)


def write(weights: Path, card: Path, measured: Measured) -> None:
    """Put the figures into the registry and write the card beside it."""
    registry = read_registry(weights)
    for role, tables in measured.tables.items():
        kept = registry["cpu"][role].setdefault("metrics", {})
        name, steps = HEADLINES[role]
        figure = tables[RENDERED]
        for step in steps:
            figure = figure[step]
        kept["headline"] = {"name": name, **figure}
        kept["tables"] = tables
    write_registry(weights, registry)
    card.write_text(card_text(registry["cpu"]))


def _uncut_models(folder: Path, entries: dict[str, ModelEntry]) -> Models:
    def net(entry: ModelEntry) -> Net:
        return Net(weights_of(folder / entry.file, entry.sha256))

    return Models(
        OnnxClassifier(net(entries["classifier"]), entries["classifier"]),
        OnnxDetector(net(entries["detector"]), uncut(entries["detector"])),
        OnnxSegmentor(net(entries["segmentor"]), entries["segmentor"]),
    )
