"""The same three networks in eager PyTorch, and those of the gpu profile on this processor; needs the training extra."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from services.ml_inference.settings import WEIGHTS
from services.ml_inference.training.exporting import (
    First,
    Shown,
    condition_file,
    damage_file,
    familiar,
    outline_file,
)
from services.ml_inference.training.nets import CENTRE, SPREAD, condition_net, damage_net, outline_net
from services.ml_inference.vision import TargetedImage
from services.ml_inference.vision.cropping import cropped
from services.ml_inference.vision.net import Net, weights_of
from services.ml_inference.vision.registry import read_entries

GPU_SIDES = {"EfficientNet-B3": 300, "YOLOv8m": 640, "U-Net ResNet34": 512}
ROUNDS = 9
Run = Callable[[NDArray[np.uint8]], object]


def seconds(targets: Sequence[TargetedImage]) -> tuple[float, float]:
    """Seconds of processor for the pictures through all three networks: in eager PyTorch, and the shipped files.

    One picture at a time, like serving. Rounds of both take turns and each gives its median, so that a machine whose
    speed drifts favours neither.
    """
    torch.set_num_threads(1)
    entries = read_entries(WEIGHTS)
    nets = {"classifier": condition_net(), "detector": First(damage_net()), "segmentor": outline_net()}
    squares = {role: _squares(targets, entry.input) for role, entry in entries.items()}
    slow = {role: _eager(net) for role, net in nets.items()}
    fast = {role: _runtime(weights_of(WEIGHTS / entry.file, entry.sha256)) for role, entry in entries.items()}
    rounds = [[_round(runs, squares) for runs in (slow, fast)] for _ in range(ROUNDS + 1)][1:]
    return statistics.median(one for one, _ in rounds), statistics.median(one for _, one in rounds)


def gpu_sizes(targets: Sequence[TargetedImage]) -> dict[str, float]:
    """Milliseconds of processor for the pictures through each network of the gpu profile, its weights random."""
    condition = condition_net("gpu")
    width = int(condition.body.num_features)
    features = np.random.default_rng(1).normal(size=(64, width)).astype(np.float32)
    files = (
        condition_file(familiar(condition, features), GPU_SIDES["EfficientNet-B3"]),
        damage_file(damage_net("gpu"), GPU_SIDES["YOLOv8m"]),
        outline_file(outline_net("gpu"), GPU_SIDES["U-Net ResNet34"]),
    )
    return {
        name: 1000 * _seconds(_runtime(file), _squares(targets, side))
        for file, (name, side) in zip(files, GPU_SIDES.items(), strict=True)
    }


def _runtime(weights: bytes) -> Run:
    net = Net(weights)
    return lambda square: net.run([square])


def _eager(net: nn.Module) -> Run:
    shown = Shown(net.eval(), centre=CENTRE, spread=SPREAD)

    def run(square: NDArray[np.uint8]) -> object:
        with torch.inference_mode():
            return shown(torch.from_numpy(square[None]))

    return run


def _squares(targets: Sequence[TargetedImage], side: int) -> list[NDArray[np.uint8]]:
    return [cropped(target, side)[0] for target in targets]


def _round(runs: Mapping[str, Run], squares: Mapping[str, Sequence[NDArray[np.uint8]]]) -> float:
    return sum(_seconds(run, squares[role]) for role, run in runs.items())


def _seconds(run: Run, squares: Sequence[NDArray[np.uint8]]) -> float:
    began = time.process_time()
    for square in squares:
        run(square)
    return time.process_time() - began
