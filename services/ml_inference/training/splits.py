"""Which houses train, which calibrate and which judge: apart by town, by seed and by house.

Seed 7, the demo's, is in none of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from services.ml_inference.training.rendered import ANY_ROOF, Batch, Rows, joined, render_rows

TRAIN, CALIBRATE, TEST = "train", "calibrate", "test"
SPLITS: Final = {
    TRAIN: (
        Batch(ANY_ROOF, 1, 0, 1600),
        Batch("Ellery", 101, 0, 300),
        Batch("Quill", 102, 0, 300),
        Batch("Harrow", 103, 0, 600),
    ),
    CALIBRATE: (Batch(ANY_ROOF, 3, 0, 350), Batch("Marn", 104, 0, 250)),
    TEST: (Batch(ANY_ROOF, 2, 0, 500), Batch("Sable", 201, 0, 200), Batch("Harrow", 202, 0, 500)),
}
PART = 200
_COLUMNS = ("features", "labels", "wear", "aged", "origin")


def scaled(split: str, share: float) -> tuple[Batch, ...]:
    """The split's batches with this share of their houses, at least ten each."""
    return tuple(
        Batch(batch.origin, batch.seed, batch.first, max(10, round(batch.count * share)))
        for batch in SPLITS[split]
    )


def rows_of(split: str, *, share: float = 1.0, workers: int = 2, cache: Path | None = None) -> Rows:
    """Rows of a split; a cache folder keeps them, which only the same renderer and features may read."""
    return joined([_rows_of_batch(part, workers, cache) for part in _in_parts(scaled(split, share))])


def _in_parts(batches: tuple[Batch, ...]) -> list[Batch]:
    """Batches small enough that an interrupted run loses little."""
    return [
        Batch(batch.origin, batch.seed, batch.first + start, min(PART, batch.count - start))
        for batch in batches
        for start in range(0, batch.count, PART)
    ]


def _rows_of_batch(batch: Batch, workers: int, cache: Path | None) -> Rows:
    name = f"{batch.origin}-{batch.seed}-{batch.first}-{batch.count}.npz".replace(" ", "-")
    kept = cache / name if cache else None
    if kept is not None and kept.exists():
        with np.load(kept) as stored:
            return Rows(*(stored[column] for column in _COLUMNS))
    rows = render_rows([batch], workers=workers)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, **{column: getattr(rows, column) for column in _COLUMNS})
    return rows


def described(share: float = 1.0) -> dict[str, list[dict[str, object]]]:
    """The splits in words for the registry file."""
    return {
        split: [{"origin": b.origin, "seed": b.seed, "houses": b.count} for b in scaled(split, share)]
        for split in SPLITS
    }
