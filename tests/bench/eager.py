"""The same three networks in eager PyTorch, and those of the gpu profile on this processor; needs the training extra."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

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
ROUNDS = 5


def torch_seconds(targets: Sequence[TargetedImage]) -> float:
    """Seconds of processor for the pictures through all three, one picture at a time like serving."""
    torch.set_num_threads(1)
    entries = read_entries(WEIGHTS)
    nets = {"classifier": condition_net(), "detector": First(damage_net()), "segmentor": outline_net()}
    return sum(_eager(net, _squares(targets, entries[role].input)) for role, net in nets.items())


def onnx_seconds(targets: Sequence[TargetedImage]) -> float:
    """The same through the shipped files in ONNX Runtime."""
    return sum(
        _runtime(Net(weights_of(WEIGHTS / entry.file, entry.sha256)), _squares(targets, entry.input))
        for entry in read_entries(WEIGHTS).values()
    )


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
        name: 1000 * _runtime(Net(file), _squares(targets, side), rounds=1)
        for file, (name, side) in zip(files, GPU_SIDES.items(), strict=True)
    }


def _runtime(net: Net, squares: Sequence[NDArray[np.uint8]], *, rounds: int = ROUNDS) -> float:
    return _seconds(squares, lambda square: net.run([square]), rounds=rounds)


def _eager(net: nn.Module, squares: Sequence[NDArray[np.uint8]]) -> float:
    shown = Shown(net.eval(), centre=CENTRE, spread=SPREAD)
    with torch.inference_mode():
        return _seconds(squares, lambda square: shown(torch.from_numpy(square[None])))


def _squares(targets: Sequence[TargetedImage], side: int) -> list[NDArray[np.uint8]]:
    return [cropped(target, side)[0] for target in targets]


def _seconds(
    squares: Sequence[NDArray[np.uint8]], run: Callable[[NDArray[np.uint8]], object], *, rounds: int = ROUNDS
) -> float:
    """Seconds of processor for all squares once, the mean of some rounds after a first that does not count."""
    run(squares[0])
    began = time.process_time()
    for _ in range(rounds):
        for square in squares:
            run(square)
    return (time.process_time() - began) / rounds
