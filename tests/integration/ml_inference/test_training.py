"""A tiny training run from rendered roofs to weights that serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.ml_inference.classifier_onnx import load_classifier, read_registry
from services.ml_inference.features import FeatureVector
from services.ml_inference.training.classifier import train
from services.ml_inference.training.evaluate import main as evaluate
from services.ml_inference.training.fitting import fit, with_missing_views
from services.ml_inference.training.rendered import ANY_ROOF, Batch, render_rows
from services.ml_inference.training.splits import CALIBRATE, SPLITS, TEST, TRAIN, rows_of

DEMO_SEED = 7
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    train(
        folder / "weights",
        folder / "CARD.md",
        share=0.0,
        workers=1,
        cache=folder / "rows",
        members=2,
        rounds=40,
    )
    return folder


@pytest.mark.timeout(600)
def test_a_tiny_run_ends_in_weights_that_beat_guessing_on_what_they_saw(trained: Path) -> None:
    classifier = load_classifier(trained / "weights")
    rows = rows_of(TRAIN, share=0.0, cache=trained / "rows")
    named = [classifier.probabilities(FeatureVector(values)).argmax() for values in rows.features]
    assert float(np.mean(np.array(named) == rows.labels)) > 0.6


def test_its_card_says_where_the_data_came_from_and_that_it_is_rendered(trained: Path) -> None:
    text = (trained / "CARD.md").read_text()
    assert "Rendered data only" in text
    assert "Harrow (seed 202, 10)" in text
    assert read_registry(trained / "weights")["metrics"]["held_out"]["all"]["n"] >= 25


def test_evaluation_alone_gives_the_figures_of_the_training_run(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, rows = str(trained / "weights"), str(trained / "rows")
    before = read_registry(trained / "weights")["metrics"]
    with pytest.raises(SystemExit) as end:
        evaluate(
            [
                "--share",
                "0",
                "--weights",
                weights,
                "--cache",
                rows,
                "--card",
                str(trained / "C.md"),
                "--write",
            ]
        )
    assert end.value.code == 0
    assert read_registry(trained / "weights")["metrics"] == before
    assert "rendered data only" in capsys.readouterr().err


def test_the_same_rows_give_the_same_weights_and_onnx_agrees_with_itself(trained: Path) -> None:
    rows, held = (rows_of(split, share=0.0, cache=trained / "rows") for split in (TRAIN, CALIBRATE))
    first, again = (fit(rows, held, members=1, rounds=5) for _ in range(2))
    assert first.sha256 == again.sha256


def test_rows_do_not_depend_on_how_the_work_was_split() -> None:
    whole = render_rows([Batch(ANY_ROOF, 9, 0, 4)], workers=1)
    parts = render_rows([Batch(ANY_ROOF, 9, 0, 2), Batch(ANY_ROOF, 9, 2, 2)], workers=1)
    assert np.array_equal(whole.features, parts.features)
    features, labels = with_missing_views(whole)
    assert len(features) == len(labels) >= 4


def test_no_house_is_in_two_splits_and_the_demo_is_in_none() -> None:
    sources = {split: {(batch.origin, batch.seed) for batch in SPLITS[split]} for split in SPLITS}
    assert not sources[TRAIN] & sources[CALIBRATE]
    assert not sources[TRAIN] & sources[TEST]
    assert not sources[CALIBRATE] & sources[TEST]
    assert DEMO_SEED not in {seed for found in sources.values() for _, seed in found}
