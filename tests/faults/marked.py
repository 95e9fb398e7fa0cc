"""The tests that carry the mark `fault`, each a row of the fault list with its own servers."""

from __future__ import annotations

import subprocess
import sys

from tests.faults.plane import ROOT
from tests.faults.report import Finding, Report


def tests(report: Report) -> None:
    """Run them all; one finding with pytest's last line."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "fault"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or ["no test ran"]
    broken = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    seen = "; ".join([*broken, lines[-1]])
    report.add(Finding("9-21", "tests marked fault", done.returncode == 0, seen))
