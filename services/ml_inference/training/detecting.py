"""Learning to find damage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from services.ml_inference.training.augmenting import drawn
from services.ml_inference.training.looping import Plan, shuffled, tensor_of
from services.ml_inference.training.matching import mean_average_precision
from services.ml_inference.training.nets import damage_net
from services.ml_inference.training.pool import LEAST_BOX_PX, SIZE, Pool, shown
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.boxes import decoded

INPUT = 256
PLAN = Plan(epochs=70, batch=16, rate=1.5e-3, average=0.999, bf16=True)
PLAIN_SHARE = 0.35
"""Pictures without damage that an epoch takes: they teach less than the others, and there are many."""
USUAL_SHARE = 0.12
"""Pictures of rarer damages come more often: by the root of how far they fall short of this share."""
GAINS = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)


@dataclass(frozen=True)
class Detecting:
    """The detector's task: a box and a kind for every damage that shows."""

    train: Pool
    check: Pool
    name: str = "detector"

    @cached_property
    def repeats(self) -> NDArray[np.float64]:
        """How often an epoch shows each picture, on average (repeat factors as for LVIS, arXiv 1908.03195)."""
        kinds = self.train.boxes[..., :1] == np.arange(len(DAMAGE_TYPES))
        present = kinds.any(axis=1)
        factors = np.sqrt(USUAL_SHARE / np.maximum(present.mean(axis=0), 1 / len(present)))
        return np.where(present.any(axis=1), np.maximum(1.0, (present * factors).max(axis=1)), PLAIN_SHARE)

    def net(self) -> nn.Module:
        """YOLOv8n from nothing."""
        net = damage_net()
        net.args = GAINS
        return net

    def steps(self, batch: int) -> int:
        """Batches an epoch."""
        return math.ceil(float(self.repeats.sum()) / batch)

    def batches(self, batch: int, rng: np.random.Generator) -> Iterator[Any]:
        """Every picture as often as its damage is rare, in a new order and seen differently."""
        times = np.floor(self.repeats + rng.random(len(self.train))).astype(int)
        shown_now = np.repeat(np.arange(len(self.train)), times)
        for chosen in shuffled(len(shown_now), batch, rng):
            yield self._batch(shown_now[chosen], rng)

    def _batch(self, chosen: NDArray[Any], rng: np.random.Generator) -> dict[str, Tensor]:
        pictures, rows = [], []
        for place, at in enumerate(chosen):
            above = bool(self.train.above[at])
            change = drawn(
                rng, stored=SIZE, size=INPUT, above=above, turn_deg=0.0 if above else 4.0, colour=0.06
            )
            pictures.append(change.picture(self.train.close[at]))
            given = self.train.boxes[at]
            rows.append(_targets(given[given[:, 0] >= 0], change, place))
        targets = torch.from_numpy(np.concatenate(rows).astype(np.float32))
        return {
            "img": pixels_of(np.stack(pictures)),
            "batch_idx": targets[:, 0],
            "cls": targets[:, 1:2],
            "bboxes": targets[:, 2:],
        }

    def loss(self, net: nn.Module, batch: Any) -> Tensor:
        """Ultralytics' own loss, a picture's share of it."""
        total, _ = net.loss(batch)
        return total.sum() / len(batch["img"])

    def measured(self, net: nn.Module) -> dict[str, float]:
        """Mean average precision at IoU 0.5 on the calibration split."""
        found = raw_of(net, self.check)
        per_class = mean_average_precision([decoded(each) for each in found], self.check.boxes, INPUT / SIZE)
        return {"map50": round(float(np.nanmean(list(per_class.values()))), 4)}


def _targets(given: NDArray[Any], change: Any, place: int) -> NDArray[np.float64]:
    """Rows of (picture, class, middle x, middle y, width, height), as shares of the picture."""
    if not len(given):
        return np.zeros((0, 6))
    boxes = change.boxes(given[:, 1:])
    size = boxes[:, 2:] - boxes[:, :2]
    kept = size.min(axis=1) >= LEAST_BOX_PX * 0.7
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    rows = np.column_stack((np.full(len(given), place), given[:, 0], middle / INPUT, size / INPUT))
    left: NDArray[np.float64] = rows[kept]
    return left


def pixels_of(pictures: NDArray[np.uint8]) -> Tensor:
    """RGB bytes as the detector takes them: 0..1."""
    return (tensor_of(pictures) / 255.0).to(memory_format=torch.channels_last)


def raw_of(net: nn.Module, pool: Pool) -> NDArray[np.float32]:
    """The network's answer for every picture before suppression: 4 + classes rows, a column an anchor."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(pool), 32):
            answer = net(pixels_of(shown(pool.close[start : start + 32], INPUT)))
            found.append((answer[0] if isinstance(answer, tuple) else answer).numpy())
    return np.concatenate(found)
