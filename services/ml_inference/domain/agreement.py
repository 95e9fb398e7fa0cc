"""What several reviewers' words come to, and how far reviewers agree beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

import numpy as np

from shared.schemas.condition import condition_index
from shared.schemas.enums import RoofCondition
from shared.schemas.review import Agreement
from shared.schemas.review_enums import ReviewVerdict

MOST_REVIEWS: Final = 3
RESAMPLES: Final = 500
LEAST_TASKS: Final = 2
_SEED: Final = 20_261_101
_BUCKETS: Final = 10_000

Labels = TypeVar("Labels")
"""What was said of one task: a pair of labels, or all of them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One reviewer's word; a rejection names no condition."""

    verdict: ReviewVerdict
    condition: RoofCondition | None

    @property
    def label(self) -> str:
        """What is compared between reviewers: the condition, or that there is none."""
        return self.condition.value if self.condition is not None else self.verdict.value


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many opinions a task wants, and the word once they are there."""

    wanted: int
    word: Opinion | None


def wants_second_opinion(task_id: UUID, share: float) -> bool:
    """Whether a task belongs to the sample that two people see: the same answer for the same task always."""
    return task_id.int % _BUCKETS < share * _BUCKETS


def outcome_of(opinions: Sequence[Opinion], wanted: int) -> Outcome:
    """The word of the opinions in their order; two that differ call for a third, whose majority counts.

    Three that all differ come to the middle condition, of two conditions to the better one.
    """
    labels = Counter(opinion.label for opinion in opinions)
    if len(opinions) >= 2 and len(labels) > 1:
        wanted = MOST_REVIEWS
    if not opinions or len(opinions) < wanted:
        return Outcome(wanted, None)
    label, votes = labels.most_common(1)[0]
    if votes * 2 > len(opinions):
        return Outcome(wanted, next(opinion for opinion in opinions if opinion.label == label))
    return Outcome(wanted, _middle(opinions))


def _middle(opinions: Sequence[Opinion]) -> Opinion:
    named = [opinion.condition for opinion in opinions if opinion.condition is not None]
    worst_first = sorted(named, key=condition_index, reverse=True)
    return Opinion(ReviewVerdict.APPROVED, worst_first[len(worst_first) // 2])


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa (1960) of two raters' labels of the same tasks; None where chance leaves nothing to agree on."""
    n = len(pairs)
    if n < LEAST_TASKS:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    expected = sum(first[label] * second[label] for label in first) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def fleiss(tasks: Sequence[Sequence[str]]) -> float | None:
    """Fleiss' kappa (1971) of tasks with two or more labels each, whoever gave them; None as above."""
    if len(tasks) < LEAST_TASKS:
        return None
    agreed = [
        sum(n * (n - 1) for n in Counter(labels).values()) / (len(labels) * (len(labels) - 1))
        for labels in tasks
    ]
    given = Counter(label for labels in tasks for label in labels)
    total = sum(given.values())
    expected = sum((n / total) ** 2 for n in given.values())
    return None if expected == 1 else (sum(agreed) / len(agreed) - expected) / (1 - expected)


def measured(
    tasks: Sequence[Labels], kappa: Callable[[Sequence[Labels]], float | None], *, raters: int
) -> Agreement:
    """A kappa over tasks with its 95 % bootstrap interval; the same tasks give the same interval."""
    value = kappa(tasks)
    if value is None:
        return Agreement(kappa=None, low=None, high=None, tasks=len(tasks), raters=raters)
    rng = np.random.default_rng(_SEED)
    draws = (kappa([tasks[i] for i in rng.integers(0, len(tasks), len(tasks))]) for _ in range(RESAMPLES))
    low, high = np.percentile([draw for draw in draws if draw is not None] or [value], [2.5, 97.5])
    return Agreement(
        kappa=round(value, 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        tasks=len(tasks),
        raters=raters,
    )
