"""`python -m tests.measure.roofing`: precision and recall of the roofing classifier on rows of real files, read by hand.

`roof_labels.csv` holds facts: file, permit number and what the permit does to the roof by its text. A re-roof puts a
new covering on a whole roof of the building (a garage counts, a porch or canopy does not); a part of it is a repair.
The rules were tuned on the rows called tuning. A first sample of 375 rows was held out from that, counted once
(precision 0.930, recall 0.944), read for its errors and so became tuning too; the rows now called held_out were drawn
and labelled afterwards, none with the wording of a known one where a file has enough of them, and counted only.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from services.scraper.domain.roofing_classifier import RoofingWork
from services.scraper.domain.rows import PermitRow
from tests.measure.files import handed_over, permits_of

LABELS = Path(__file__).with_name("roof_labels.csv")
HALVES = ("tuning", "held_out")
PRECISION_GOAL, RECALL_GOAL = 0.95, 0.90
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled permit and what the importer made of it."""

    file: str
    half: str
    label: str
    found: str
    permit: PermitRow


@dataclass(frozen=True, slots=True)
class Share:
    """A share of rows with Wilson's 95 % interval."""

    hits: int
    rows: int

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing is 0."""
        return self.hits / self.rows if self.rows else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between which values the share of all such rows lies."""
        if not self.rows:
            return 0.0, 1.0
        squared = NORMAL_95**2
        centre = self.value + squared / (2 * self.rows)
        spread = NORMAL_95 * sqrt(self.value * (1 - self.value) / self.rows + squared / (4 * self.rows**2))
        return (centre - spread) / (1 + squared / self.rows), (centre + spread) / (1 + squared / self.rows)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] ({self.hits}/{self.rows})"


def judged(folder: Path, half: str | None = None) -> list[Judged]:
    """Every labelled permit beside the class that the import path gives it."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        labels = [row for row in csv.DictReader(file) if half in (None, row["half"])]
    permits = {name: _permits(folder, name) for name in sorted({row["file"] for row in labels})}
    return [
        Judged(
            row["file"],
            row["half"],
            row["label"],
            str(permits[row["file"]][row["permit_number"]].roof_work),
            permits[row["file"]][row["permit_number"]],
        )
        for row in labels
    ]


def precision(rows: Iterable[Judged], work: str = RoofingWork.REROOF) -> Share:
    """How many of those taken for `work` are."""
    found = [row.label for row in rows if row.found == work]
    return Share(found.count(work), len(found))


def recall(rows: Iterable[Judged], work: str = RoofingWork.REROOF) -> Share:
    """How many of those that are `work` were taken for it."""
    true = [row.found for row in rows if row.label == work]
    return Share(true.count(work), len(true))


def _permits(folder: Path, name: str) -> Mapping[str, PermitRow]:
    return {row.permit_number: row for row in permits_of(folder / "data" / "permits" / name)}


def main() -> int:
    """0 when the goals are met on the held-out half, 1 when not, 2 without the handed-over data."""
    folder = handed_over()
    if folder is None:
        sys.stderr.write("the handed-over material is not there; RIDGELINE_SHARED names its folder\n")
        return 2
    rows = judged(folder)
    for half in HALVES:
        part = [row for row in rows if row.half == half]
        sys.stdout.write(f"{half}: {len(part)} rows of {len({row.file for row in part})} files\n")
        for work in RoofingWork:
            sys.stdout.write(f"  {work:<16} precision {precision(part, work)}  recall {recall(part, work)}\n")
    confused = Counter((row.label, row.found) for row in rows if row.label != row.found)
    for (label, found), count in sorted(confused.items()):
        sys.stdout.write(f"  {count:>3} {label} taken for {found}\n")
    held = [row for row in rows if row.half == "held_out"]
    met = precision(held).value >= PRECISION_GOAL and recall(held).value >= RECALL_GOAL
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
