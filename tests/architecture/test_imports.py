"""The import rules hold, and the tool that checks them sees a breach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", str(folder / ".importlinter")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_rules_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "0 broken" in done.stdout


def test_every_package_of_shared_has_its_layer() -> None:
    """A package that the list leaves out would be free to import anything."""
    text = (ROOT / ".importlinter").read_text()
    section = text[text.index("[importlinter:contract:shared-layers]") :]
    layers = set(section[section.index("layers =") : section.index("\n\n")].replace("|", " ").split()) - {
        "layers",
        "=",
    }
    packages = {path.stem for path in (ROOT / "shared").iterdir() if not path.stem.startswith("__")}
    assert packages <= layers


def test_planted_breach_is_named(tmp_path: Path) -> None:
    for package in ("services", "services/one", "services/two", "shared"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "services" / "one" / "service.py").write_text("import services.two.repository\n")
    (tmp_path / "services" / "two" / "repository.py").touch()
    text = (ROOT / ".importlinter").read_text()
    kept = [
        part for part in text.split("\n\n") if part.startswith("[importlinter]") or "services-apart" in part
    ]
    (tmp_path / ".importlinter").write_text("\n\n".join(kept))
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "services.one.service -> services.two.repository" in done.stdout
