"""Measures how far the models' input and output have moved since their first weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from services.ml_inference import metrics
from services.ml_inference.domain.drift import (
    REFERENCE_DAYS,
    WINDOW_DAYS,
    Shift,
    disagreement_of,
    shift_of,
)
from services.ml_inference.looks import looks_of
from services.ml_inference.repository import DriftRepository
from shared.runtime import Resources

DISAGREEMENT = "reviewers_disagree"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one time showed: values by monitor, and (contradicted, reviewed)."""

    values: dict[str, list[float]]
    reviews: tuple[int, int]


async def measured(resources: Resources) -> list[dict[str, Any]]:
    """A row a monitor and domain of pictures: the last week against the first weeks of the weights in use."""
    async with resources.unit_of_work() as uow:
        domains = await DriftRepository(uow.session).domains()
    rows: list[dict[str, Any]] = []
    for domain in domains:
        start = domain.now - timedelta(days=WINDOW_DAYS)
        reference = await _seen(
            resources, domain, domain.since, min(start, domain.since + timedelta(days=REFERENCE_DAYS))
        )
        window = await _seen(resources, domain, max(start, domain.since), domain.now)
        rows += _rows(domain, start, reference, window)
    return rows


async def _seen(resources: Resources, domain: Row[Any], first: datetime, before: datetime) -> Seen:
    async with resources.unit_of_work() as uow:
        repository = DriftRepository(uow.session)
        pictures = await repository.pictures(domain, first, before)
        confidences = await repository.confidences(domain, first, before)
        reviews = await repository.contradicted(domain, first, before)
    looks = await _looks(resources, pictures)
    values = {
        "gsd_m": [row.gsd_m for row in pictures if row.gsd_m is not None],
        "quality_score": [row.quality_score for row in pictures if row.quality_score is not None],
        "brightness": [brightness for brightness, _ in looks],
        "sharpness": [sharpness for _, sharpness in looks],
        "confidence": list(confidences),
    }
    return Seen(values, reviews)


async def _looks(resources: Resources, pictures: Sequence[Row[Any]]) -> list[tuple[float, float]]:
    """Brightness and sharpness of the pictures that are still in the store."""
    bodies = [await resources.own.store.get(row.s3_key) for row in pictures if row.s3_key]
    there = [body for body in bodies if body is not None]
    if not there:
        return []
    return [look for look in await resources.own.models.processes.run(looks_of, there) if look is not None]


def _rows(domain: Row[Any], start: datetime, reference: Seen, window: Seen) -> list[dict[str, Any]]:
    about = {
        "image_domain": domain.image_domain,
        "reference": f"first {REFERENCE_DAYS} days of weights {domain.weights[:12] or 'unknown'}",
        "window_from": start,
    }
    rows = [
        _row(
            about, monitor, shift_of(values, window.values[monitor]), len(values), len(window.values[monitor])
        )
        for monitor, values in reference.values.items()
    ]
    contradicted, reviewed = window.reviews
    shift = disagreement_of(reference.reviews, window.reviews)
    share = round(contradicted / reviewed, 4) if reviewed else None
    return [*rows, {**_row(about, DISAGREEMENT, shift, reference.reviews[1], reviewed), "share": share}]


def _row(
    about: dict[str, Any], monitor: str, shift: Shift, reference_n: int, window_n: int
) -> dict[str, Any]:
    metrics.DRIFT_MEASURED.labels(shift.verdict).inc()
    return {
        **about,
        "monitor": monitor,
        "reference_n": reference_n,
        "window_n": window_n,
        "psi": None if shift.psi is None else round(shift.psi, 4),
        "ks": None if shift.ks is None else round(shift.ks, 4),
        "share": None,
        "verdict": shift.verdict,
    }
