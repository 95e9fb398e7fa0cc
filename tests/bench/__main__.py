"""`python -m tests.bench [core]`: measure; writes artifacts/bench.json and prints a table."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from tests.bench import core
from tests.bench.core import Figure
from tests.faults.report import ARTIFACTS, say

SUBSETS: dict[str, Callable[[], list[Figure]]] = {"core": core.figures}


def main(words: list[str]) -> int:
    """0 when every goal is met, 1 when one is missed, 2 for a subset that is none."""
    unknown = set(words) - SUBSETS.keys()
    if unknown:
        sys.stderr.write(f"usage: python -m tests.bench [{' '.join(SUBSETS)}]\n")
        return 2
    found = [figure for name in words or list(SUBSETS) for figure in SUBSETS[name]()]
    load = os.getloadavg()[0]
    for figure in found:
        word, sign = ("ok  ", "<=") if figure.met else ("MISS", "<=")
        sign = sign if figure.at_most else ">="
        cpu = f"{figure.cpu_ms_each} ms CPU each"
        base = f"{figure.baseline}: {figure.baseline_value}"
        say(
            f"{word} {figure.name:<32} {figure.value:>9} {figure.unit:<9} (goal {sign} {figure.goal})  {cpu}; {base}"
        )
    ARTIFACTS.mkdir(exist_ok=True)
    path = ARTIFACTS / "bench.json"
    path.write_text(
        json.dumps({"load_average": load, "figures": [f.as_json() for f in found]}, indent=2) + "\n"
    )
    say(f"load average {load}; report: {path}")
    return 0 if all(figure.met for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
