"""What `ridgeline models train` and `ridgeline models evaluate` do."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.ml_inference.training.card import terminal_text
from services.ml_inference.training.evaluating import evaluate, write
from services.ml_inference.vision.registry import ROLES, read_registry
from shared.errors import InvalidInput

SERVICE: Final = Path(__file__).resolve().parents[1]
WEIGHTS: Final = SERVICE / "weights"
CARD: Final = SERVICE / "MODEL_CARD.md"
REAL: Final = SERVICE.parents[1].parent / "shared" / "data" / "roofs"
"""Where a checkout that was handed real roofs finds them."""
NEEDED: Final = ("torch", "torchvision", "timm", "segmentation_models_pytorch", "ultralytics")


def train_models(
    work: Path,
    out: Path,
    *,
    only: Sequence[str] = ROLES,
    real: Path | None = None,
    resume: bool = False,
    tiny: bool = False,
    epochs: int | None = None,
    workers: int = 1,
) -> str:
    """Train, export and calibrate; the answer says what was written. Figures come from `evaluate_models`."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidInput(f"training needs {', '.join(missing)}: run `scripts/setup --tests`")
    from services.ml_inference.training.releasing import release
    from services.ml_inference.training.running import Work, train

    given = Work(work, real_or_none(real), share=0.0 if tiny else 1.0, workers=workers, tiny=tiny)
    train(given, only, epochs=epochs, resume=resume)
    waiting = [role for role in ROLES if not (work / "checkpoints" / f"{role}.pt").exists()]
    if waiting:
        return (
            f"trained {', '.join(only)}; still to train before weights can be written: {', '.join(waiting)}"
        )
    registry = release(given, out)
    sizes = ", ".join(
        f"{entry['file']} {(out / entry['file']).stat().st_size / 1e6:.1f} MB"
        for entry in registry["cpu"].values()
    )
    return f"wrote {out}: {sizes}"


def evaluate_models(
    weights: Path = WEIGHTS,
    card: Path = CARD,
    *,
    real: Path | None = None,
    share: float = 1.0,
    keep: bool = False,
) -> str:
    """The three tables; kept in registry and card where asked."""
    measured = evaluate(weights, real_or_none(real), share=share)
    if keep:
        write(weights, card, measured)
    entries = read_registry(weights)["cpu"]
    for role, tables in measured.tables.items():
        entries[role].setdefault("metrics", {})["tables"] = tables
    return terminal_text(entries)


def real_or_none(given: Path | None) -> Path | None:
    """The folder of real roofs that was named, or the one beside the checkout; None where there is none."""
    folder = REAL if given is None else given
    return folder if folder.is_dir() else None
