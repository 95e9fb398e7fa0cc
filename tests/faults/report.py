"""What a run of the fault suite found: a table for people, JSON for machines."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"


@dataclass(frozen=True)
class Finding:
    """One fault: what was expected, what was seen."""

    row: str
    name: str
    ok: bool
    seen: str
    figures: dict[str, Any] = field(default_factory=dict)


def say(line: str) -> None:
    """Print one line now."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Report:
    """Findings as they come in; printed at once, kept at the end."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._began = time.monotonic()
        self.findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Keep a finding and print its line."""
        self.findings.append(finding)
        print(
            f"{'ok  ' if finding.ok else 'RED '} {finding.row:<6} {finding.name:<34} {finding.seen}",
            flush=True,
        )

    @property
    def ok(self) -> bool:
        """True when there are findings and all are good."""
        return bool(self.findings) and all(finding.ok for finding in self.findings)

    def write(self) -> Path:
        """Write artifacts/faults.json; other forms' findings stay."""
        path = ARTIFACTS / "faults.json"
        path.parent.mkdir(exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        known[self._form] = {
            "ok": self.ok,
            "seconds": round(time.monotonic() - self._began, 1),
            "load_average": os.getloadavg()[0],
            "findings": [vars(finding) for finding in self.findings],
        }
        path.write_text(json.dumps(known, indent=2) + "\n")
        return path
