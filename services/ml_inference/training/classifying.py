"""Learning the condition of a roof."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from services.ml_inference.models import CONDITIONS, Pixels
from services.ml_inference.training.augmenting import drawn
from services.ml_inference.training.looping import Plan, shuffled, tensor_of
from services.ml_inference.training.nets import CENTRE, SPREAD, condition_net
from services.ml_inference.training.pool import NO_LABEL, SIZE, Pool, shown
from shared.sandbox.town.model import CONDITION_CUTS

INPUT = 160
PLAN = Plan(epochs=16, batch=32, rate=1.5e-3)
BLUR_OF_CUTS = 0.015
"""Two roofs this close in wear look alike: at a cut both classes count."""
WEAR_WEIGHT, NOTHING_WEIGHT = 4.0, 0.3


@dataclass(frozen=True, slots=True)
class Classifying:
    """The classifier's task: condition and wear of the roof in the middle."""

    train: Pool
    check: Pool
    name: str = "classifier"

    def net(self) -> nn.Module:
        """EfficientNet-lite0 that knows ImageNet."""
        return condition_net()

    def steps(self, batch: int) -> int:
        """Batches an epoch."""
        return math.ceil(len(self.train) / batch)

    def batches(self, batch: int, rng: np.random.Generator) -> Iterator[Any]:
        """Every picture once, in a new order and seen differently."""
        for chosen in shuffled(len(self.train), batch, rng):
            yield self._batch(chosen, rng)

    def _batch(self, chosen: NDArray[Any], rng: np.random.Generator) -> Any:
        pool = self.train
        pictures = [
            drawn(rng, stored=SIZE, size=INPUT, above=bool(pool.above[at]), turn_deg=12.0).picture(
                pool.close[at]
            )
            for at in chosen
        ]
        seen = pool.condition[chosen] != NO_LABEL
        return (
            normalised(np.stack(pictures)),
            torch.from_numpy(chances_of(pool.wear[chosen], seen)),
            torch.from_numpy(pool.wear[chosen]),
            torch.from_numpy(seen),
        )

    def loss(self, net: nn.Module, batch: Any) -> Tensor:
        """Condition, and wear where there is a roof to see."""
        pictures, chances, wear, seen = batch
        scores, found, _ = net(pictures)
        each = functional.cross_entropy(scores, chances, reduction="none")
        weight = torch.where(seen, 1.0, NOTHING_WEIGHT)
        off = functional.smooth_l1_loss(found, wear, beta=0.05, reduction="none") * seen
        return (each * weight).mean() + WEAR_WEIGHT * off.mean()

    def measured(self, net: nn.Module) -> dict[str, float]:
        """Accuracy on the calibration split, pictures from above and from the street."""
        chosen = self.check.condition != NO_LABEL
        scores = scores_of(net, self.check.where(chosen))[0]
        right = scores.argmax(axis=1) == self.check.condition[chosen]
        above = self.check.above[chosen]
        return {
            "accuracy": _share(right),
            "accuracy_above": _share(right[above]),
            "accuracy_street": _share(right[~above]),
        }


def scores_of(net: nn.Module, pool: Pool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Condition scores and features of every picture, as serving shows them."""
    scores, features = [], []
    with torch.inference_mode():
        for start in range(0, len(pool), 32):
            found = net(normalised(shown(pool.close[start : start + 32], INPUT)))
            scores.append(found[0].numpy())
            features.append(found[2].numpy())
    return np.concatenate(scores), np.concatenate(features)


def normalised(pictures: Pixels) -> Tensor:
    """RGB bytes as the ImageNet body was shown its pictures."""
    centred = (tensor_of(pictures) - CENTRE) / SPREAD
    return centred.to(memory_format=torch.channels_last)


def chances_of(wear: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Chance of every condition for roofs of this wear; all alike where no roof is seen."""
    cuts = np.array([0.0 - 9, *(cut for cut, _ in CONDITION_CUTS[:-1]), 1.0 + 9])
    edges = (cuts[None, :] - wear[:, None]) / (BLUR_OF_CUTS * math.sqrt(2))
    below = 0.5 * (1 + np.vectorize(math.erf)(edges))
    chances = np.diff(below, axis=1)
    chances[~seen] = 1 / len(CONDITIONS)
    return np.asarray(chances, np.float32)


def _share(right: NDArray[np.bool_]) -> float:
    return round(float(right.mean()), 4) if len(right) else 0.0
