"""`ridgeline truth`: how much of the sandbox town's truth was found."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()
WORDS = {
    "condition": "roof condition, every analysed roof",
    "condition_published": "roof condition, leads published as proven",
    "condition_within_one": "roof condition, at most one class off",
    "damage": "kinds of damage on analysed roofs, hail apart",
    "suppression": "recent re-roofs kept out, all",
    "suppression_with_permit": "recent re-roofs kept out, those with a permit",
}
WORN = {
    "published": "published leads whose roof needs work",
    "top_grades": "the same, grades A and B",
    "parcels": "the same, all parcels",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(truth)


def truth(
    place: Annotated[str, typer.Argument(metavar='"CITY, ST"', help="A sandbox town.")] = "Harrow, TX",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Let it count for the models' maturity on rendered pictures.")
    ] = False,
) -> None:
    """Compare what is stored about a sandbox town with the truth about it."""
    from shared.cli import truth_run
    from shared.cli.activate_run import Place

    if keep:
        sys.stdout.write(json.dumps(asyncio.run(truth_run.keep(Place.parse(place)))) + "\n")
        return
    found = asyncio.run(truth_run.measure(Place.parse(place))).as_json()
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        console.print(truth_table(found))


def truth_table(found: dict[str, Any]) -> Table:
    """The figures for a terminal."""
    table = Table(title="against the sandbox's truth", title_justify="left")
    for column in ("what", "right", "precision", "recall", "n"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, words in WORDS.items():
        figures = found[name]
        shown = (_percent(figures.get(key)) for key in ("value", "precision", "recall"))
        table.add_row(words, *shown, str(figures["n"]))
    worn = found["worn"]
    for name, words in WORN.items():
        table.add_row(words, _percent(worn[name]["value"]), "", "", str(worn[name]["n"]))
    lift = "unknown" if worn["lift"] is None else f"{worn['lift']:g} x"
    table.add_row("grades A and B beside all parcels", lift, "", "", str(worn["top_grades"]["n"]))
    return table


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
