"""Four planted bugs, each in a copy of the tree; every one must turn the suite red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.chaos import prepare
from tests.faults.plane import Plane, own_plane
from tests.faults.report import Finding, Report
from tests.faults.targeted import PLANE

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".ridgeline", "artifacts", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True)
class Mutant:
    """One bug: the text it replaces wherever it stands, and the form of the suite that must see it."""

    name: str
    file: str
    text: str
    bug: str
    form: str


MUTANTS = (
    Mutant(
        "no-workflow-lock",
        "shared/workflow/sql.py",
        "FROM core.workflow WHERE id = :workflow_id FOR UPDATE",
        "FROM core.workflow WHERE id = :workflow_id",
        "joins",
    ),
    Mutant(
        "no-token-check",
        "shared/workflow/sql.py",
        "AND s.status = 'running' AND lease_token = CAST(:token AS uuid)\n        RETURNING",
        "AND s.status = 'running' AND CAST(:token AS uuid) IS NOT NULL\n        RETURNING",
        "zombies",
    ),
    Mutant(
        "no-sweeper",
        "shared/relay/sweeper.py",
        "            await self._guard(self.sweep)\n",
        "",
        "lost-hints",
    ),
    Mutant(
        "cursor-relay",
        "shared/relay/relay.py",
        "FROM core.outbox WHERE published_at IS NULL ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED",
        "FROM core.outbox WHERE id > coalesce((SELECT max(id) FROM core.outbox WHERE published_at IS NOT NULL), 0) "
        "ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED",
        "outbox-order",
    ),
)


def run(names: Sequence[str]) -> bool:
    """True when the clean tree is green under every form and each chosen mutant is red."""
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        print(
            f"no such mutant: {', '.join(sorted(unknown))}; there are: {', '.join(m.name for m in MUTANTS)}"
        )
        return False
    report = Report("mutate")
    with own_plane() as plane:
        prepare(plane)
        for mutant in MUTANTS:
            if names and mutant.name not in names:
                continue
            clean, _ = _judge(mutant, plane, planted=False)
            red, line = _judge(mutant, plane, planted=True)
            seen = f"unplanted {'green' if clean == 0 else 'RED'}, planted {'red' if red == 1 else 'NOT SEEN'}: {line}"
            report.add(Finding("10", mutant.name, clean == 0 and red == 1, seen))
    report.write()
    return report.ok


def _judge(mutant: Mutant, plane: Plane, *, planted: bool) -> tuple[int, str]:
    """Exit status and last line of the mutant's form in a copy of the tree."""
    with tempfile.TemporaryDirectory(prefix="ridgeline-mutant-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        if planted:
            path = tree / mutant.file
            text = path.read_text()
            if mutant.text not in text:
                sys.exit(f"mutant {mutant.name}: its text is not in {mutant.file}")
            path.write_text(text.replace(mutant.text, mutant.bug))
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults", mutant.form],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), PLANE: f"{plane.database_url}|{plane.redis_url}"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("RED", "ok"))]
    return done.returncode, lines[-1].strip() if lines else done.stderr.strip()[-300:]
