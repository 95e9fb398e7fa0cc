"""The model card, written from the registry file and the measured figures, never by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from services.ml_inference.classifier_onnx import CARD_FILE, read_registry
from services.ml_inference.training.splits import SPLITS, TRAIN

GROUPS = {
    "all": "all held-out houses",
    "any_roof": "random roofs, every wear equally likely",
    "towns": "towns never trained on",
    "towns_old_roofs": "of these, roofs of 15 years and more",
    "above_only": "judged by the picture from above alone",
    "street_only": "judged by the street pictures alone",
}


def write_figures(weights: Path, card: Path, figures: dict[str, Any]) -> None:
    """Put the figures into the registry file and write the card beside it."""
    registry = {**read_registry(weights), "metrics": figures}
    (weights / CARD_FILE).write_bytes(orjson.dumps(registry, option=orjson.OPT_INDENT_2))
    card.write_text(card_text(registry))


def card_text(registry: dict[str, Any]) -> str:
    """The card as Markdown."""
    figures = registry["metrics"]
    parts = [
        _head(registry),
        _main_table(figures),
        _reliability(figures),
        _confusion(registry),
        _limits(registry),
    ]
    return "\n\n".join(parts) + "\n"


def _head(registry: dict[str, Any]) -> str:
    houses = {
        split: sum(batch["houses"] for batch in batches)
        for split, batches in registry["training_data"].items()
    }
    sources = "; ".join(
        f"{split}: " + ", ".join(f"{b['origin']} (seed {b['seed']}, {b['houses']})" for b in batches)
        for split, batches in registry["training_data"].items()
    )
    share = houses[TRAIN] / sum(batch.count for batch in SPLITS[TRAIN])
    return f"""# Model card: roof condition classifier

**Rendered data only.** Trained, calibrated and measured on pictures drawn by the sandbox's renderer. These figures say
nothing about real roofs; real pictures count as unvalidated and go to a person.

| | |
|---|---|
| name, version | {registry["name"]}, {registry["version"]} |
| sha256 of the weights | `{registry["sha256"]}` |
| answers | {", ".join(registry["classes"])} |
| looks at | one picture from above (up to 0.35 m a pixel) and any number of street pictures; either alone will do |
| reads | colour, texture and clarity of the roof by OpenCV, {len(registry["features"])} numbers |
| model | {registry["architecture"]} |
| houses | {houses["train"]} trained on, {houses["calibrate"]} calibrated on, {houses["test"]} held out |
| apart by | town, seed and house; the demo's seed 7 is in none |
| sources | {sources} |
| truth | the hidden wear of each roof; what shows differs by 0.02 (deviation) and by the house's own way of ageing |

Run again: `python -m services.ml_inference.training.classifier --share {share:.2g}` trains from nothing,
`python -m services.ml_inference.training.evaluate --write` renders the held-out houses again and measures the
shipped weights; both write this page."""


def _main_table(figures: dict[str, Any]) -> str:
    lines = [
        "## Held-out figures",
        "",
        "Value with its 95 % bootstrap interval over houses.",
        "",
        (
            "| houses | n | accuracy | within one class | ECE | Brier | share >= 0.95 | right there "
            "| share 0.70-0.95 | right there | share < 0.70 |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    names = (
        "accuracy",
        "within_one_class",
        "ece",
        "brier",
        "coverage_auto",
        "accuracy_auto",
        "coverage_onsite",
        "accuracy_onsite",
        "coverage_review",
    )
    for group, found in figures["held_out"].items():
        cells = " | ".join(_cell(found[name]) for name in names)
        lines.append(f"| {GROUPS[group]} | {found['n']} | {cells} |")
    unusable, familiar = figures["without_usable_picture"], figures["familiar_share"]
    return "\n".join(
        [
            *lines,
            "",
            f"No usable picture: {unusable} houses. Within the limit of familiarity: {familiar:.1%}.",
        ]
    )


def _reliability(figures: dict[str, Any]) -> str:
    lines = [
        "## Does the confidence mean what it says",
        "",
        "| confidence | n | mean confidence | right |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['from']:.2f}-{row['to']:.2f} | {row['n']} | {row['confidence']:.3f} | {row['accuracy']:.3f} |"
        for row in figures["reliability"]
    ]
    return "\n".join(lines)


def _confusion(registry: dict[str, Any]) -> str:
    classes = registry["classes"]
    lines = [
        "## Who is taken for whom",
        "",
        f"| truth \\ answer | {' | '.join(classes)} |",
        "|---" * (len(classes) + 1) + "|",
    ]
    rows = zip(classes, registry["metrics"]["confusion"], strict=True)
    lines += [f"| {name} | {' | '.join(str(count) for count in counts)} |" for name, counts in rows]
    return "\n".join(lines)


def _limits(registry: dict[str, Any]) -> str:
    temperatures = ", ".join(
        f"{kind} {value}" for kind, value in registry["calibration"]["temperatures"].items()
    )
    return f"""## Limits

- One renderer drew training and test pictures alike; another renderer, or the world, will do worse.
- The specification's 85 % can be read against the first row only; for real roofs it is unknown.
- Names the condition only: no damage boxes, no roof area, no material.
- From above, hail bruises and lifted edges do not show at 0.15 m a pixel; the model claims wear, never hail.
- Where the house stands is taken from the middle of the picture; a badly placed point reads the neighbour's roof.
- Temperatures: {temperatures}.
- Unfamiliar pictures (mean squared deviation over {registry["familiarity"]["limit"]}) are marked and go to a person."""


def _cell(figure: dict[str, float | None]) -> str:
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    return "-" if value is None or low is None or high is None else f"{value:.3f} ({low:.3f}-{high:.3f})"
