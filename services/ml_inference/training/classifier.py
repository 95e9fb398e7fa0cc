"""Train the roof-condition classifier: `python -m services.ml_inference.training.classifier`.

Renders the splits, fits, calibrates, measures on the held-out split, and writes weights, registry file and model card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from services.ml_inference.classifier_onnx import CARD_FILE, WEIGHTS_FILE, OnnxClassifier
from services.ml_inference.training.card import write_figures
from services.ml_inference.training.evaluate import figures_of, table_of
from services.ml_inference.training.fitting import MEMBERS, ROUNDS, fit, registry_of
from services.ml_inference.training.splits import CALIBRATE, TEST, TRAIN, described, rows_of

SERVICE = Path(__file__).resolve().parents[1]


def train(
    out: Path, card: Path, *, share: float, workers: int, cache: Path | None, members: int, rounds: int
) -> str:
    """Train and write everything; the answer is the table of held-out figures."""
    rows = {
        split: rows_of(split, share=share, workers=workers, cache=cache) for split in (TRAIN, CALIBRATE, TEST)
    }
    fitted = fit(rows[TRAIN], rows[CALIBRATE], members=members, rounds=rounds)
    registry = registry_of(fitted, data=described(share))
    figures = figures_of(OnnxClassifier(fitted.weights, registry), rows[TEST])
    out.mkdir(parents=True, exist_ok=True)
    (out / WEIGHTS_FILE).write_bytes(fitted.weights)
    (out / CARD_FILE).write_bytes(orjson.dumps(registry, option=orjson.OPT_INDENT_2))
    write_figures(out, card, figures)
    return table_of(figures)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the houses of every split")
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps rendered rows")
    parser.add_argument(
        "--out", type=Path, default=SERVICE / "weights", help="folder for weights and registry file"
    )
    parser.add_argument("--card", type=Path, default=SERVICE / "MODEL_CARD.md", help="model card to write")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    table = train(
        given.out,
        given.card,
        share=given.share,
        workers=given.workers,
        cache=given.cache,
        members=given.members,
        rounds=given.rounds,
    )
    parser.exit(0, table)


if __name__ == "__main__":
    main()
