"""Learning to outline the target's roof and its damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from services.ml_inference.training.augmenting import drawn
from services.ml_inference.training.classifying import normalised
from services.ml_inference.training.looping import Plan
from services.ml_inference.training.matching import overlap
from services.ml_inference.training.nets import outline_net
from services.ml_inference.training.pool import BACKGROUND, DAMAGE, SIZE, Pool, labels_at, shown
from services.ml_inference.training.real import SETS, RealRoofs

INPUT = 192
PLAN = Plan(epochs=15, batch=20, rate=1.5e-3)
PICTURES_AN_EPOCH = 1200
REAL_SHARE = 0.45
"""Share of real roofs in every batch from the first step on, the sets alike."""
WEIGHTS = (1.0, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Segmenting:
    """The segmentor's task: background, roof or damage for every pixel."""

    train: Pool
    check: Pool
    real: RealRoofs | None
    real_check: RealRoofs | None
    epoch_pictures: int = PICTURES_AN_EPOCH
    name: str = "segmentor"

    def net(self) -> nn.Module:
        """U-Net whose encoder knows ImageNet."""
        return outline_net()

    def steps(self, batch: int) -> int:
        """Batches an epoch."""
        return max(1, self.epoch_pictures // batch)

    def batches(self, batch: int, rng: np.random.Generator) -> Iterator[Any]:
        """Random rendered and real pictures, mixed in every batch."""
        for _ in range(self.steps(batch)):
            yield self._batch(batch, rng)

    def _batch(self, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        real_count = round(batch * REAL_SHARE) if self.real is not None else 0
        rows = [self._rendered(rng) for _ in range(batch - real_count)]
        if self.real is not None:
            rows += [self._real(self.real, SETS[at % len(SETS)], rng) for at in range(real_count)]
        pictures, labels = (np.stack(each) for each in zip(*rows, strict=True))
        real = torch.arange(batch) >= batch - real_count
        return normalised(pictures), torch.from_numpy(labels).long(), real

    def _rendered(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        at = int(rng.integers(len(self.train)))
        above = bool(self.train.above[at])
        change = drawn(
            rng, stored=SIZE, size=INPUT, above=above, turn_deg=20.0 if above else 4.0, colour=0.08
        )
        return change.picture(self.train.wide[at]), change.labels(self.train.labels[at])

    def _real(
        self, real: RealRoofs, name: str, rng: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        at = int(rng.choice(np.flatnonzero(real.name == name)))
        change = drawn(rng, stored=SIZE, size=INPUT, above=True, turn_deg=20.0, colour=0.10)
        return change.picture(real.pictures[at]), change.labels(real.roof[at].astype(np.uint8))

    def loss(self, net: nn.Module, batch: Any) -> Tensor:
        """Every pixel's class and the shape of roof and damage; on real roofs nobody knows what is damaged."""
        pictures, labels, real = batch
        logs = functional.log_softmax(net(pictures), dim=1)
        roof_logs = torch.logsumexp(logs[:, 1:], dim=1)
        known = -(logs.gather(1, labels[:, None])[:, 0]) * torch.tensor(WEIGHTS)[labels]
        either = -torch.where(labels == BACKGROUND, logs[:, 0], roof_logs)
        pixels = torch.where(real[:, None, None], either, known).mean()
        roof = _apart(roof_logs.exp(), labels != BACKGROUND)
        damage = _apart(logs[~real, DAMAGE].exp(), labels[~real] == DAMAGE) if (~real).any() else 0.0
        return pixels + roof + 0.5 * damage

    def measured(self, net: nn.Module) -> dict[str, float]:
        """Mean overlap with the true roof on the calibration split, and on each real set's held-back places."""
        chances = chances_of(net, self.check.wide)
        overlap, damage = overlaps_of(chances, self.check.labels)
        figures = {
            "roof": round(float(np.nanmean(overlap)), 4),
            "damage": round(float(np.nanmean(damage)), 4),
        }
        if self.real_check is not None:
            for name in SETS:
                part = self.real_check.where(self.real_check.name == name)
                found, _ = overlaps_of(chances_of(net, part.pictures), part.roof.astype(np.uint8))
                figures[name.split("_")[0]] = round(float(np.nanmean(found)), 4)
        return figures


def _apart(chance: Tensor, truth: Tensor) -> Tensor:
    """One minus the dice overlap, all pictures together."""
    shared = (chance * truth).sum()
    return 1 - (2 * shared + 1) / (chance.sum() + truth.sum() + 1)


def chances_of(net: nn.Module, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Chance of every class for every pixel, as serving shows the pictures."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 16):
            answer = net(normalised(shown(pictures[start : start + 16], INPUT)))
            found.append(answer.softmax(dim=1).numpy().astype(np.float16))
    return np.concatenate(found).astype(np.float32)


def overlaps_of(
    chances: NDArray[np.float32], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intersection over union a picture of the roof and of the damage; NaN where there is none."""
    size = chances.shape[-1]
    roofs, damages = [], []
    for chance, label in zip(chances, labels, strict=True):
        truth = labels_at(label, size)
        best = chance.argmax(axis=0)
        roofs.append(overlap(chance[0] < 0.5, truth != BACKGROUND))
        damages.append(overlap(best == DAMAGE, truth == DAMAGE))
    return np.array(roofs), np.array(damages)
