"""What `ridgeline models` shows."""

from __future__ import annotations

from io import StringIO
from typing import Any, cast

from rich.console import Console

from shared.cli.models import _table

ACCURACY = {"value": 0.649, "low": 0.5989, "high": 0.6992}


def model(version: str, **changes: Any) -> dict[str, Any]:
    facts = {"name": "roofs", "version": version, "model_type": "classifier", "image_domain": "rendered"}
    return {**facts, "active": True, "sha256": "a" * 64, "metrics": {}, **changes}


def test_models_are_listed_with_state_and_measured_quality() -> None:
    console = Console(file=StringIO(), width=120)
    measured = {"headline": {"name": "accuracy", "n": 359, **ACCURACY}}
    console.print(_table([model("2", metrics=measured), model("1", active=False)]))
    lines = [line for line in cast("StringIO", console.file).getvalue().splitlines() if "roofs" in line]
    assert [word in lines[0] for word in ("yes", "accuracy", "359")] == [True] * 3
    assert "no" in lines[1]
    assert "not" in lines[1]
