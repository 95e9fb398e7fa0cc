"""How long `make demo` takes where everything is set up, phase by phase; the checkout's own demo is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.bare import bare_process
from tests.bench.figure import Figure
from tests.faults.fleet.town import own_place
from tests.faults.plane import ROOT

GOAL_SECONDS = 120.0


def figures() -> list[Figure]:
    """The seconds of a second `make demo`: its `make setup` on this checkout, the demo on servers of its own."""
    bare = bare_process()
    began = time.monotonic()
    _run(str(ROOT / "scripts" / "setup"))
    setup = time.monotonic() - began
    with own_place({}) as place:
        began = time.monotonic()
        _run(sys.executable, "-m", "shared.cli.main", "demo")
        total = setup + time.monotonic() - began
        seconds = json.loads((place.folder / "demo.json").read_text())["seconds"]
    return [_figure(setup, total, seconds, bare.seconds)]


def _figure(setup: float, total: float, phases: dict[str, float], bare: float) -> Figure:
    """The demo's document counts what it does before the activation as its setup: schema, seeds and the fleet."""
    parts = {
        "setup": round(setup, 1),
        "schema and fleet": phases["setup"],
        **{name: phases[name] for name in ("activate", "workflows", "sale")},
    }
    rest = round(total - sum(parts.values()), 1)
    return Figure(
        "demo again, set up",
        round(total, 1),
        "s",
        GOAL_SECONDS,
        at_most=True,
        baseline="a bare process, s",
        baseline_value=bare,
        parts={**parts, "figures": rest},
    )


def _run(*command: str) -> None:
    """Run a command of the checkout; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"{Path(command[0]).name} {' '.join(command[1:])}:\n{done.stdout}{done.stderr}"[-3000:]
        )
