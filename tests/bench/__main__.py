"""`python -m tests.bench [core|fleet|demo|ingest|storms|triggers|rescore|clusters|fetch|leads|sales|vision ...]`: measure.

The figures are also written to artifacts/bench.json.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from tests.bench import (
    clusters,
    core,
    demo,
    fetch,
    fleet,
    ingest,
    leads,
    rescore,
    sales,
    storms,
    triggers,
    vision,
)
from tests.bench.figure import Figure
from tests.faults.report import ARTIFACTS, say

SUBSETS: dict[str, Callable[[], list[Figure]]] = {
    "core": core.figures,
    "fleet": fleet.figures,
    "demo": demo.figures,
    "ingest": ingest.figures,
    "storms": storms.figures,
    "triggers": triggers.figures,
    "rescore": rescore.figures,
    "clusters": clusters.figures,
    "fetch": fetch.figures,
    "leads": leads.figures,
    "sales": sales.figures,
    "vision": vision.figures,
}
REPORT = ARTIFACTS / "bench.json"


def main(words: list[str]) -> int:
    """0 when every goal is met, 1 when one is missed, 2 for a subset that is none."""
    if set(words) - SUBSETS.keys():
        sys.stderr.write(f"usage: python -m tests.bench [{'|'.join(SUBSETS)} ...]\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and fleet are stopped
    met = True
    for name in words or list(SUBSETS):
        figures = SUBSETS[name]()
        met = met and all(figure.met for figure in figures)
        for figure in figures:
            say(str(figure))
        keep(name, figures)
    say(f"load average {os.getloadavg()[0]}; report: {REPORT}")
    return 0 if met else 1


def keep(name: str, figures: list[Figure]) -> None:
    """Write a subset's figures into the report; the other subsets' stay."""
    ARTIFACTS.mkdir(exist_ok=True)
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    known[name] = {"load_average": os.getloadavg()[0], "figures": [figure.as_json() for figure in figures]}
    REPORT.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
