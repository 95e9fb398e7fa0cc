"""Trains the three networks one after the other or one alone, from pictures kept outside the repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from services.ml_inference.training.classifying import PLAN as CLASSIFYING
from services.ml_inference.training.classifying import Classifying
from services.ml_inference.training.detecting import PLAN as DETECTING
from services.ml_inference.training.detecting import Detecting
from services.ml_inference.training.looping import Plan, Task, trained
from services.ml_inference.training.pool import CALIBRATE, TRAIN, pool_of
from services.ml_inference.training.real import real_roofs
from services.ml_inference.training.segmenting import PICTURES_AN_EPOCH, Segmenting
from services.ml_inference.training.segmenting import PLAN as SEGMENTING

PLANS: Final[dict[str, Plan]] = {"classifier": CLASSIFYING, "detector": DETECTING, "segmentor": SEGMENTING}
TINY_EPOCHS, TINY_BATCH, TINY_PICTURES = 4, 4, 24


@dataclass(frozen=True, slots=True)
class Work:
    """Where a training keeps what it makes, and how much of everything it takes."""

    folder: Path
    """Pictures, checkpoints and curves."""
    real: Path | None
    """Real roofs with outlines; the segmentor learns from rendered ones alone where there are none."""
    share: float = 1.0
    """Of the pictures."""
    workers: int = 1
    """Processes that render."""
    tiny: bool = False
    """A few steps, to see that every part works."""


def train(work: Work, roles: Sequence[str], *, epochs: int | None = None, resume: bool = False) -> None:
    """Checkpoints of the roles in the work folder."""
    for role in roles:
        plan = replace(PLANS[role], epochs=TINY_EPOCHS, batch=TINY_BATCH) if work.tiny else PLANS[role]
        if epochs is not None:
            plan = replace(plan, epochs=epochs)
        trained(task_of(role, work), plan, work.folder / "checkpoints", resume=resume)


def task_of(role: str, work: Work) -> Task:
    """The role's task on the work folder's pictures."""
    train, check = (
        pool_of(split, work.folder / "pool", share=work.share, workers=work.workers)
        for split in (TRAIN, CALIBRATE)
    )
    if role == "classifier":
        return Classifying(train, check)
    if role == "detector":
        return Detecting(train, check)
    learnt, held = (
        None if work.real is None else real_roofs(work.real, test=test, share=work.share)
        for test in (False, True)
    )
    pictures = TINY_PICTURES if work.tiny else PICTURES_AN_EPOCH
    return Segmenting(train, check, learnt, held, pictures)
