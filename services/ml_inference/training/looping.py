"""The loop all three trainings share: seeds, schedule, running average, a checkpoint an epoch, resuming."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SEED = 20261122
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn."""

    epochs: int
    batch: int
    rate: float
    """Highest learning rate."""
    decay: float = 0.05
    average: float = 0.998
    """Share of the running average that a step keeps."""
    threads: int = 1
    bf16: bool = False


class Task(Protocol):
    """One network with its pictures."""

    @property
    def name(self) -> str:
        """Role, and name of its checkpoint."""

    def net(self) -> nn.Module:
        """The untrained network."""

    def steps(self, batch: int) -> int:
        """Batches an epoch."""

    def batches(self, batch: int, rng: np.random.Generator) -> Iterator[Any]:
        """One epoch's batches."""

    def loss(self, net: nn.Module, batch: Any) -> Tensor:
        """What to make smaller."""

    def measured(self, net: nn.Module) -> dict[str, float]:
        """Figures on the calibration split, where the network never learns."""


def trained(
    task: Task, plan: Plan, folder: Path, *, resume: bool = False, after: Callable[[], None] | None = None
) -> nn.Module:
    """The running average of the network after the plan's epochs; every epoch leaves a checkpoint to resume from."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    net = task.net().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(_groups(net, plan.decay), lr=plan.rate)
    kept = folder / f"{task.name}.pt"
    first, step, history = 0, 0, []
    if resume and kept.exists():
        state = torch.load(kept, map_location="cpu", weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first, step, history = state["epoch"], state["step"], state["history"]
    total = step + (plan.epochs - first) * task.steps(plan.batch)
    for epoch in range(first, plan.epochs):
        began, losses = time.process_time(), []
        net.train()
        for batch in task.batches(plan.batch, np.random.default_rng([SEED, epoch])):
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * _share_of_rate(step, total)
            losses.append(_step(task, net, optimiser, batch, bf16=plan.bf16))
            step += 1
            _follow(average, net, min(plan.average, step / (step + 20)))
        history.append(
            {
                "epoch": epoch + 1,
                "loss": round(float(np.mean(losses)), 5),
                "cpu_seconds": round(time.process_time() - began),
                **task.measured(average),
            }
        )
        log.info("epoch_trained", model=task.name, **history[-1])
        state = {
            "net": net.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epoch": epoch + 1,
            "step": step,
            "history": history,
        }
        _save(state, kept)
        (folder / f"{task.name}.json").write_text(json.dumps(history, indent=1))
        if after is not None:
            after()
    return average


def shuffled(count: int, batch: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """The places of every picture once, in a new order; one alone is left out, as it has no spread to normalise by."""
    order = rng.permutation(count)
    for start in range(0, count, batch):
        chosen = order[start : start + batch]
        if len(chosen) > 1:
            yield chosen


def latest(net: nn.Module, name: str, folder: Path) -> tuple[nn.Module, list[dict[str, float]]]:
    """The running average of the last checkpoint, and the curve so far."""
    state = torch.load(folder / f"{name}.pt", map_location="cpu", weights_only=True)
    net.load_state_dict(state["average"])
    return net.eval(), state["history"]


def _step(task: Task, net: nn.Module, optimiser: torch.optim.Optimizer, batch: Any, *, bf16: bool) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = task.loss(net, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 10.0)
    optimiser.step()
    return float(loss.detach())


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Only matrices and filters shrink; scales and offsets stay free."""
    free = [value for value in net.parameters() if value.requires_grad and value.ndim < 2]
    bound = [value for value in net.parameters() if value.requires_grad and value.ndim >= 2]
    return [{"params": bound, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]


def _share_of_rate(step: int, total: int) -> float:
    """Up over the first twentieth, then down along a cosine to a hundredth."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm))))


def _follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for own, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, 1 - keep)
            else:
                own.copy_(new)


def _save(state: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.rename(path)


def tensor_of(pictures: np.ndarray[Any, Any]) -> Tensor:
    """A batch of RGB pictures as the networks take them: 0..255, channels first."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
