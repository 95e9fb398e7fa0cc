"""What the opinions of a time say about the people who gave them and about the models."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final
from uuid import UUID

from services.ml_inference.domain.agreement import LEAST_TASKS, cohen, fleiss, measured
from shared.schemas.enums import ImageDomain
from shared.schemas.review import Agreement, ReviewerStats

BLIND: Final = 2
"""The first two opinions count: a third comes only where they differ, and would tilt the scale."""


@dataclass(frozen=True, slots=True)
class Given:
    """One opinion: its label, what the models had said, and what was decided in the end (None: nothing yet)."""

    task_id: UUID
    reviewer_id: UUID | None
    label: str
    seconds: int | None
    given_at: datetime
    domain: ImageDomain | None
    said: str | None
    final: str | None


def agreement_of(opinions: Iterable[Given]) -> Agreement:
    """Fleiss' kappa of all tasks that two people saw blindly."""
    tasks = _seen_twice(opinions)
    raters = {given.reviewer_id for task in tasks for given in task}
    return measured([[given.label for given in task] for task in tasks], fleiss, raters=len(raters))


def pairs_of(opinions: Iterable[Given]) -> dict[str, Agreement]:
    """Cohen's kappa of every two reviewers with tasks in common."""
    shared: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for task in _seen_twice(opinions):
        for one, other in combinations(sorted(task, key=lambda given: str(given.reviewer_id)), 2):
            shared[str(one.reviewer_id), str(other.reviewer_id)].append((one.label, other.label))
    return {
        "+".join(people): measured(labels, cohen, raters=2)
        for people, labels in sorted(shared.items())
        if len(labels) >= LEAST_TASKS
    }


def reviewers_of(opinions: Sequence[Given]) -> list[ReviewerStats]:
    """Each reviewer's work, the busiest first; opinions of people who have left are nobody's."""
    several = {task[0].task_id for task in _by_task(opinions) if len(task) > 1}
    by_person: defaultdict[UUID, list[Given]] = defaultdict(list)
    for given in opinions:
        if given.reviewer_id is not None:
            by_person[given.reviewer_id].append(given)
    found = [_person(person, theirs, several) for person, theirs in by_person.items()]
    return sorted(found, key=lambda person: (-person.reviews, str(person.reviewer_id)))


def models_right(opinions: Iterable[Given]) -> dict[ImageDomain, float | None]:
    """The share of decided tasks whose condition the reviewers confirmed, by domain of pictures."""
    borne_out: defaultdict[ImageDomain, list[bool]] = defaultdict(list)
    for task in _by_task(opinions):
        first = task[0]
        if first.final is not None and first.domain is not None:
            borne_out[first.domain].append(first.final == first.said)
    return {domain: _share(borne_out[domain]) for domain in ImageDomain}


def _person(reviewer: UUID, theirs: Sequence[Given], several: set[UUID]) -> ReviewerStats:
    seconds = [given.seconds for given in theirs if given.seconds is not None]
    compared = [g.label == g.final for g in theirs if g.final is not None and g.task_id in several]
    return ReviewerStats(
        reviewer_id=reviewer,
        reviews=len(theirs),
        changed=sum(given.label != given.said for given in theirs),
        median_seconds=statistics.median(seconds) if seconds else None,
        compared=len(compared),
        with_final=_share(compared),
        last_review_at=max(given.given_at for given in theirs),
    )


def _by_task(opinions: Iterable[Given]) -> list[list[Given]]:
    tasks: Mapping[UUID, list[Given]] = defaultdict(list)
    for given in opinions:
        tasks[given.task_id].append(given)
    return list(tasks.values())


def _seen_twice(opinions: Iterable[Given]) -> list[list[Given]]:
    return [task[:BLIND] for task in _by_task(opinions) if len(task) >= BLIND]


def _share(right: Sequence[bool]) -> float | None:
    return round(sum(right) / len(right), 4) if right else None
