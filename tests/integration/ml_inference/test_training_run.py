"""A tiny training run from rendered roofs to weights that serve, and their measurement."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.ml_inference.training.card import card_text
from services.ml_inference.training.commands import CARD, NEEDED, WEIGHTS, evaluate_models, train_models
from services.ml_inference.vision.loading import load_models
from services.ml_inference.vision.registry import ROLES, read_entries, read_registry

MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
needs_torch = pytest.mark.skipif(
    bool(MISSING), reason=f"{', '.join(MISSING)} not installed: scripts/setup --tests"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    train_models(folder, folder / "weights", real=folder / "none", tiny=True)
    return folder


def curve(folder: Path, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "checkpoints" / f"{role}.json").read_text())
    return found


@needs_torch
@pytest.mark.parametrize("role", ROLES)
def test_a_few_steps_make_the_loss_fall(trained: Path, role: str) -> None:
    first, *_, last = curve(trained, role)
    assert last["loss"] < first["loss"]


@needs_torch
def test_its_weights_load_behind_the_protocols(trained: Path) -> None:
    models = load_models(trained / "weights")
    entries = read_entries(trained / "weights")
    assert [model.identity.name for model in models] == [entries[role].name for role in ROLES]
    assert all(entry.metrics["curve"] for entry in entries.values())


@needs_torch
@pytest.mark.parametrize("role", ROLES)
def test_the_exported_file_answers_as_the_network_does(trained: Path, role: str) -> None:
    import torch

    from services.ml_inference.training import classifying, detecting, exporting, nets, segmenting
    from services.ml_inference.training.looping import latest
    from services.ml_inference.vision.net import Net

    build, export, side, shown = {
        "classifier": (
            nets.condition_net,
            exporting.condition_file,
            classifying.INPUT,
            classifying.normalised,
        ),
        "detector": (nets.damage_net, exporting.damage_file, detecting.INPUT, detecting.pixels_of),
        "segmentor": (nets.outline_net, exporting.outline_file, segmenting.INPUT, classifying.normalised),
    }[role]
    net, _ = latest(build(), role, trained / "checkpoints")
    if role == "classifier":
        net = exporting.familiar(net, np.random.default_rng(1).normal(size=(80, 1280)).astype(np.float32))
    pictures = np.random.default_rng(2).integers(0, 255, (2, side, side, 3)).astype(np.uint8)
    with torch.no_grad():
        answer = net(shown(pictures))
    answer = answer[0] if isinstance(answer, tuple) else answer
    (found, *_) = Net(export(net, side)).run(list(pictures))
    assert np.abs(found - answer.numpy()).max() < 1e-3 * max(1.0, float(np.abs(found).max()))


@needs_torch
@pytest.mark.parametrize(("lost", "how"), [(0.0099, "8-bit"), (0.0101, "stored as fp16")])
def test_eight_bits_are_shipped_where_they_cost_less_than_a_point(
    tmp_path: Path, lost: float, how: str
) -> None:
    from services.ml_inference.training import detecting, exporting, nets
    from services.ml_inference.training.releasing import stored
    from services.ml_inference.vision.net import Net

    pictures = np.random.default_rng(3).integers(0, 255, (3, 256, 256, 3)).astype(np.uint8)
    whole = exporting.damage_file(nets.damage_net(), detecting.INPUT)
    figures = iter((0.5, 0.5 - 2 * lost, 0.5 - lost))
    kept = stored(
        whole, pictures, detecting.INPUT, lambda _: next(figures), examples=pictures, folder=tmp_path
    )
    assert kept.how == how
    assert kept.figures == {"8_bit": round(0.5 - lost, 4), "16_bit": 0.5}
    assert len(kept.weights) < len(whole) / (3 if how == "8-bit" else 1.9)
    (answers,) = Net(kept.weights).run(list(pictures))
    assert np.array_equal(answers, kept.answers[0]), "what is calibrated is what the shipped file answers"


@needs_torch
def test_the_ends_of_a_network_stay_exact() -> None:
    import onnx

    from services.ml_inference.training import exporting, nets

    model = onnx.load_from_string(exporting.outline_file(nets.outline_net(), 64))
    heavy = [node.name for node in model.graph.node if node.op_type in exporting.HEAVY]
    assert exporting.ends_of(model) == sorted({heavy[0], heavy[-1]})
    assert exporting.ends_of(model, answer=False) == [heavy[0]]


@needs_torch
def test_the_table_in_which_a_detector_joins_pixels_and_chances_stays_exact() -> None:
    import onnx

    from services.ml_inference.training import exporting, nets

    model = onnx.load_from_string(exporting.damage_file(nets.damage_net(), 64))
    last = next(node for node in model.graph.node if "boxes" in node.output)
    assert last.op_type == "Concat"
    assert last.name in exporting.ends_of(model)


@needs_torch
def test_convolutions_pad_inside_themselves_and_answer_as_before(tmp_path: Path) -> None:
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from services.ml_inference.training import exporting, nets
    from services.ml_inference.vision.net import Net

    whole = exporting.outline_file(nets.outline_net(), 64)
    (tmp_path / "plain.onnx").write_bytes(whole)
    quant_pre_process(tmp_path / "plain.onnx", tmp_path / "ready.onnx", skip_symbolic_shape=True)
    ready = onnx.load(str(tmp_path / "ready.onnx"))
    assert [node.op_type for node in ready.graph.node].count("Pad") == 5
    inside = exporting.padded_inside(ready)
    assert "Pad" not in {node.op_type for node in inside.graph.node}
    pictures = list(np.random.default_rng(4).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8))
    (expected,), (found,) = (Net(weights).run(pictures) for weights in (whole, inside.SerializeToString()))
    assert np.abs(found - expected).max() < 1e-4


@needs_torch
def test_resuming_goes_on_from_the_last_epoch_and_trains_none_again(trained: Path) -> None:
    from services.ml_inference.training.running import Work, train

    before = curve(trained, "classifier")
    work = Work(trained, None, share=0.0, tiny=True)
    train(work, ("classifier",), resume=True)
    assert curve(trained, "classifier") == before
    train(work, ("classifier",), resume=True, epochs=5)
    assert curve(trained, "classifier")[:4] == before
    assert [row["epoch"] for row in curve(trained, "classifier")] == [1, 2, 3, 4, 5]


def test_the_shipped_weights_are_measured_in_tables_that_are_never_mixed(
    handed_over: Path, tmp_path: Path
) -> None:
    text = evaluate_models(WEIGHTS, real=handed_over / "data" / "roofs", share=0.0)
    for title in ("## Rendered, as trained on", "## Rendered, shifted", "## Real: held-back places"):
        assert text.count(title) == 1
    assert "banepa_oam_drone" in text.split("## Real")[1]
    assert "no labelled real pictures, so no figure" in text
    assert "(" in text.split("mAP@0.5 ")[1][:12], "every figure has its interval"


def test_the_card_is_what_the_registry_says() -> None:
    assert CARD.read_text() == card_text(read_registry(WEIGHTS)["cpu"])
    text = CARD.read_text()
    for words in (
        "Demonstration weights",
        "rendered roofs\nonly",
        "AGPL",
        "Learning curves",
        "seed 7 is in none",
    ):
        assert words in text
