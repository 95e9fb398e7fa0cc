"""The tests that carry the mark `fault`, each for a row of the fault list with its own servers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, parse

from tests.faults.plane import ROOT
from tests.faults.report import Finding, Report

ROWS: Mapping[int, str] = {
    1: "activation while workers die",
    3: "500 buyers, one lead, one process",
    4: "50 buyers, 40 leads, packs",
    5: "charged, and no answer",
    9: "disk full",
    14: "webhook five times",
    15: "webhooks in any order",
    16: "webhook forged, altered, stale",
    17: "endless upload",
    18: "CSV bombs",
    19: "hostile pictures",
    20: "requests to our own side",
    21: "poisoned pages",
    22: "paths as ids",
    23: "forged tokens",
    24: "refresh token used again",
    25: "ids of another buyer",
    26: "fields nobody may set",
    27: "enumeration and timing",
    28: "guessing passwords",
    29: "Idempotency-Key used again",
}
"""Rows of the fault list that are tests; the other rows break a running fleet (`tests.faults.fleet`)."""


def tests(report: Report) -> None:
    """Run them all: one finding a row, red where one of its tests failed or none ran."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "fault", f"--junitxml={results}"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        found = by_row(parse(results).getroot()) if results.exists() else {}
    for row, name in ROWS.items():
        report.add(_finding(row, name, found.get(row, [])))
    if done.returncode and not any(_broken(case) for cases in found.values() for case in cases):
        last = (done.stdout.strip().splitlines() or ["no test ran"])[-1]
        report.add(Finding("tests", "tests marked fault", ok=False, seen=last))


def by_row(root: Element) -> dict[int, list[Element]]:
    """The tests of pytest's report by the row that each carries."""
    found: dict[int, list[Element]] = defaultdict(list)
    for case in root.iter("testcase"):
        for row in case.iterfind("properties/property[@name='fault']"):
            found[int(row.attrib["value"])].append(case)
    return found


def _finding(row: int, name: str, cases: list[Element]) -> Finding:
    broken = [case.attrib["name"] for case in cases if _broken(case)]
    skipped = sum(case.find("skipped") is not None for case in cases)
    ran = len(cases) - skipped
    seen = f"{ran - len(broken)} of {ran} tests hold" + (f", {skipped} skipped" if skipped else "")
    return Finding(str(row), name, ran > 0 and not broken, "; ".join([seen, *broken]))


def _broken(case: Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None
