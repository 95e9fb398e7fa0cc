"""The model card and the tables for a terminal, written from the registry, never by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

AIMS: Final = {
    ("classifier", "houses", "accuracy"): 0.85,
    ("detector", "map50"): 0.75,
    ("segmentor", "roof_iou"): 0.85,
    ("segmentor", "area_error"): 0.08,
    ("real", "roof_iou"): 0.75,
    ("real", "area_error"): 0.12,
}
"""What is asked of rendered roofs, and of the real ones."""
CONDITION_COLUMNS: Final = {
    "accuracy": "accuracy",
    "within_one_class": "within one class",
    "ece": "calibration error",
    "brier": "Brier",
    "coverage_auto": "share >= 0.95",
    "accuracy_auto": "right there",
}
TABLES: Final = {
    "rendered": "Rendered, as trained on: unseen houses, seeds and towns",
    "shifted": "Rendered, shifted: other coverings, low sun, 0.12 and 0.25 m a pixel, softer, poorer files",
    "real": "Real: held-back places of three public sets",
}


def card_text(entries: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    parts = [_head(entries)]
    parts += [_table(entries, name) for name in TABLES if name in entries["segmentor"]["metrics"]["tables"]]
    parts += [_aims(entries), _trust(entries), _curves(entries), _limits(entries)]
    return "\n\n".join(parts) + "\n"


def terminal_text(entries: Mapping[str, Any]) -> str:
    """The tables alone, as lines for a terminal."""
    names = [name for name in TABLES if name in entries["segmentor"]["metrics"]["tables"]]
    return "\n\n".join([*(_table(entries, name) for name in names), _aims(entries)]) + "\n"


def _head(entries: Mapping[str, Any]) -> str:
    lines = [
        "# Model card: condition, damage and outline of roofs",
        "",
        "**Demonstration weights.** Condition and damage were learnt from rendered pictures alone: nobody publishes real",
        "roofs with damage labels under a usable licence. What the tables say of rendered roofs holds for rendered roofs",
        "only; for real ones condition and damage are **unknown**, the outline is measured. Real pictures count as",
        "unvalidated and go to a person.",
        "",
        "| role | name, version | network | licence | sha256 |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {role} | {entry['name']}, {entry['version']} | {entry['architecture']}, {entry['input']} px "
        f"| {entry['licence']} | `{entry['sha256'][:16]}…` |"
        for role, entry in entries.items()
    ]
    lines += ["", _kept(entries)]
    data = entries["segmentor"]["training_data"]
    lines += [
        "",
        f"Learnt from: {'; '.join(data['rendered'])}; a picture from above each, one from a side of every second.",
        *_also(entries, data["rendered"]),
        f"The segmentor also from real roofs: {'; '.join(data['real'])}." if "real" in data else "",
        "Splits are apart by house, seed and town, real ones by place; the demo's seed 7 is in none.",
        "A rendered picture's label is the wear that is drawn; a damage counts where it shows at that resolution.",
        "",
        "Run again: `ridgeline models evaluate --write` measures the shipped files and writes this page,",
        "`ridgeline models train` trains from nothing (see training/README.md).",
    ]
    return "\n".join(lines)


def _also(entries: Mapping[str, Any], common: Sequence[str]) -> Iterator[str]:
    """What a role has learnt from besides what all of them have."""
    for role, entry in entries.items():
        if more := [batch for batch in entry["training_data"]["rendered"] if batch not in common]:
            yield f"The {role} also from {'; '.join(more)}."


def _kept(entries: Mapping[str, Any]) -> str:
    """What eight bits cost; a network that loses a point or more is shipped in sixteen."""
    each = [
        f"{role} {figures['8_bit']:.3f} against {figures['16_bit']:.3f}"
        for role, entry in entries.items()
        if (figures := entry["metrics"].get("stored"))
    ]
    return f"Eight bits against sixteen, on the calibration split: {'; '.join(each)}." if each else ""


def _table(entries: Mapping[str, Any], name: str) -> str:
    lines = [f"## {TABLES[name]}", "", "Value (95 % bootstrap interval over houses or places).", ""]
    if name != "real":
        lines += _condition(entries["classifier"]["metrics"]["tables"][name])
        lines += ["", *_damage(entries["detector"]["metrics"]["tables"][name])]
        lines += ["", *_outline({"roofs": entries["segmentor"]["metrics"]["tables"][name]})]
    else:
        lines += _outline(entries["segmentor"]["metrics"]["tables"][name])
        lines += ["", "Condition and damage: no labelled real pictures, so no figure."]
    return "\n".join(lines)


def _condition(table: Mapping[str, Any]) -> list[str]:
    lines = [
        f"| condition | n | {' | '.join(CONDITION_COLUMNS.values())} |",
        "|---" * (len(CONDITION_COLUMNS) + 2) + "|",
    ]
    for group, found in table.items():
        if isinstance(found, Mapping) and "accuracy" in found:
            cells = " | ".join(_cell(found[column]) for column in CONDITION_COLUMNS)
            lines.append(f"| {group} | {found['accuracy']['n']} | {cells} |")
    return lines


def _damage(table: Mapping[str, Any]) -> list[str]:
    lines = [
        f"Damage: mAP@0.5 {_cell(table['map50'])} over {table['map50']['n']} pictures.",
        "",
        "| damage | n | average precision | reported | of these right | found |",
        "|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {kind.replace('_', ' ')} | {row['n']} | {_number(row['average_precision'])} | {row['reported']} "
        f"| {_number(row['precision'])} | {_number(row['recall'])} |"
        for kind, row in table["kinds"].items()
    ]


def _outline(sets: Mapping[str, Any]) -> list[str]:
    lines = ["| outline | n | roof IoU | damage IoU | median area error | n |", "|---|---|---|---|---|---|"]
    return lines + [
        f"| {name} | {row['roof_iou']['n']} | {_cell(row['roof_iou'])} "
        f"| {_cell(row['damage_iou']) if 'damage_iou' in row else '-'} "
        f"| {_cell(row['area_error'])} | {row['area_error']['n']} |"
        for name, row in sets.items()
    ]


def _aims(entries: Mapping[str, Any]) -> str:
    lines = ["## What was aimed at", "", "| aim | wanted | measured | held |", "|---|---|---|---|"]
    for words, wanted, found, at_least in _aimed(entries):
        value = found["value"]
        held = value is not None and (value >= wanted if at_least else value <= wanted)
        sign = ">=" if at_least else "<="
        lines.append(f"| {words} | {sign} {wanted} | {_cell(found)} | {'yes' if held else '**no**'} |")
    return "\n".join(lines)


def _aimed(entries: Mapping[str, Any]) -> list[tuple[str, float, Mapping[str, Any], bool]]:
    tables = {role: entry["metrics"]["tables"] for role, entry in entries.items()}
    rows = []
    for path, wanted in AIMS.items():
        role, *steps = path
        if role == "real":
            found = tables["segmentor"].get("real", {})
            rows += [
                (f"{name}: {_words(steps[0])}", wanted, row[steps[0]], steps[0] != "area_error")
                for name, row in found.items()
            ]
            continue
        value = tables[role]["rendered"]
        for step in steps:
            value = value[step]
        rows.append((f"rendered: {_words(steps[-1])}", wanted, value, steps[-1] != "area_error"))
    return rows


def _words(name: str) -> str:
    return {"map50": "mAP@0.5", "roof_iou": "roof IoU", "area_error": "median area error"}.get(name, name)


def _trust(entries: Mapping[str, Any]) -> str:
    table = entries["classifier"]["metrics"]["tables"]["rendered"]
    shifted = entries["classifier"]["metrics"]["tables"]["shifted"]
    classes = entries["classifier"]["classes"]
    lines = [
        "## Does the condition's confidence mean what it says (rendered)",
        "",
        "| confidence | n | mean confidence | right |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['from']:.2f}-{row['to']:.2f} | {row['n']} | {row['confidence']:.3f} | {row['accuracy']:.3f} |"
        for row in table["reliability"]
    ]
    lines += ["", f"| truth \\ answer | {' | '.join(classes)} |", "|---" * (len(classes) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(map(str, row))} |" for name, row in table["confusion"].items()]
    shares = (f"{found['familiar_share']:.1%}" for found in (table, shifted))
    lines += ["", "Within the limit of familiarity: {} of rendered, {} of shifted pictures.".format(*shares)]
    return "\n".join(lines)


def _curves(entries: Mapping[str, Any]) -> str:
    lines = ["## Learning curves", "", "On the calibration split, after every epoch.", ""]
    for role, entry in entries.items():
        curve = entry["metrics"].get("curve", [])
        if not curve:
            continue
        names = [name for name in curve[0] if name != "epoch"]
        lines += [f"| {role} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        lines += [f"| {row['epoch']} | {' | '.join(str(row[name]) for name in names)} |" for row in curve]
        lines.append("")
    return "\n".join(lines).rstrip()


def _limits(entries: Mapping[str, Any]) -> str:
    temperatures = ", ".join(
        f"{kind} {value}" for kind, value in entries["classifier"]["temperatures"].items()
    )
    farthest = ", ".join(
        f"{kind} {value}" for kind, value in entries["classifier"]["familiarity_limits"].items()
    )
    return f"""## Limits

- One renderer drew training and test pictures alike; the world will do worse, as the shifted table hints.
- From above, wear of single shingles does not show beyond 0.22 m a pixel; hail is claimed from no picture coarser
  than the one it was learnt from.
- A damage is labelled where the picture, at its resolution and sharpness, differs for it by more than the roof's own
  texture does, and where its box is at least a twentieth of the picture wide.
- The first 32 epochs of the detector's curve, 11 of the classifier's and 13 of the segmentor's saw pictures that drew
  damage fainter and labelled what no eye could find; the rest went on from there. The detector saw the
  damaged roofs, drawn for rare kinds of damage, from its 53rd epoch on.
- The roof is taken from the middle of the picture or of the known outline; a badly placed point reads the neighbour's.
- Real outlines are hand-drawn: a few pixels off, some under trees. Two of the three sets are not American.
- Temperatures of the condition: {temperatures}. Pictures farther from the training pictures' features
  than {farthest} are marked unfamiliar and go to a person.
- The detector was trained with ultralytics (AGPL-3.0): a service built on it owes its users its source, or buys the
  licence, or swaps the detector: anything that takes pictures and gives boxes fits the Detector protocol."""


def _cell(figure: Mapping[str, Any]) -> str:
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    return "-" if value is None or low is None or high is None else f"{value:.3f} ({low:.3f}-{high:.3f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
