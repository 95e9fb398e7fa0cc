"""The three models of a weights folder, ready to look at pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from services.ml_inference.vision import Classifier, Detector, Segmentor
from services.ml_inference.vision.classifier import OnnxClassifier
from services.ml_inference.vision.detector import OnnxDetector
from services.ml_inference.vision.net import CPU, Net, weights_of
from services.ml_inference.vision.registry import ModelEntry, Profile, read_entries
from services.ml_inference.vision.segmentor import OnnxSegmentor


class Models(NamedTuple):
    """What a property is judged by."""

    classifier: Classifier
    detector: Detector
    segmentor: Segmentor


def load_models(
    folder: Path, profile: Profile = "cpu", *, providers: Sequence[str] = (CPU,), threads: int = 1
) -> Models:
    """The profile's models; ValueError for a file that is not the measured one, LookupError where there is none."""
    entries = read_entries(folder, profile)

    def net(entry: ModelEntry) -> Net:
        return Net(weights_of(folder / entry.file, entry.sha256), providers=providers, threads=threads)

    return Models(
        OnnxClassifier(net(entries["classifier"]), entries["classifier"]),
        OnnxDetector(net(entries["detector"]), entries["detector"]),
        OnnxSegmentor(net(entries["segmentor"]), entries["segmentor"]),
    )
