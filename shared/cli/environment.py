"""The checkout's environment file, read the same way by the command, by its children and by the tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from shared.errors import InvalidInput

ROOT = Path(__file__).resolve().parents[2]


def home(root: Path = ROOT) -> Path:
    """The folder of ports, secrets, logs and state: RIDGELINE_HOME, or `.ridgeline` in the checkout."""
    named = os.environ.get("RIDGELINE_HOME")
    return Path(named).resolve() if named else root / ".ridgeline"


def read_environment(root: Path = ROOT) -> dict[str, str]:
    """The values of the environment file, empty before the first `make setup`."""
    try:
        lines = (home(root) / "env").read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def merged(known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The file's values under those of the process, which win.

    A port base given to the process moves every address that the file derives from its own base.
    """
    values = {**known, **given}
    base = values.get("RIDGELINE_PORT_BASE", "8000")
    if base != known.get("RIDGELINE_PORT_BASE", base):
        moved = {
            name: value
            for name, value in known.items()
            if name.endswith("_BASE_URL") or name == "SANDBOX_URL"
        }
        if not base.isdigit():
            raise InvalidInput(f"RIDGELINE_PORT_BASE must be a number, not {base!r}")
        shift = int(base) - int(known["RIDGELINE_PORT_BASE"])
        values.update({name: _shifted(value, shift) for name, value in moved.items() if name not in given})
    return values


def load_environment(root: Path = ROOT) -> None:
    """Put the file's values into this process's environment; variables that are set already stay."""
    os.environ.update(merged(read_environment(root), os.environ))


def _shifted(url: str, shift: int) -> str:
    """The URL with its port moved."""
    address, _, port = url.rpartition(":")
    return f"{address}:{int(port) + shift}"
