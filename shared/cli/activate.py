"""`ridgeline activate|progress`: a city from its sources to leads on sale, watched live."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from shared.cli.activate_view import screen

console = Console()

PlaceArgument = Annotated[str, typer.Argument(metavar='"CITY, ST"', help='The city, as in "Harrow, TX".')]
AsJson = Annotated[bool, typer.Option("--json", help="Print the progress document as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(activate)
    app.command()(progress)


def activate(
    place: PlaceArgument,
    *,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Folder of recorded permit rows to read instead of the live feed, through the sandbox.",
            exists=True,
            file_okay=False,
            resolve_path=True,
        ),
    ] = None,
    prospects: Annotated[
        int | None, typer.Option(min=0, help="At most so many new prospects; the city's own cap otherwise.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Stay until the activation has ended.")] = True,
    as_json: AsJson = False,
) -> None:
    """Activate a city and show how far it is; exit status 1 with the reason when it fails."""
    from shared.cli.activate_run import Place, activation_words, run_activation

    report = asyncio.run(
        run_activation(Place.parse(place), replay=replay, prospects=prospects, wait=wait, quiet=as_json)
    )
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
    elif wait:
        console.print(activation_words(report))
    if wait and report["status"] != "done":
        raise typer.Exit(1)


def progress(place: PlaceArgument, *, as_json: AsJson = False) -> None:
    """Show how far a city's newest activation is; exit status 1 when it failed."""
    from shared.cli.activate_run import Place

    report = asyncio.run(_read(Place.parse(place)))
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        console.print(screen(report))
    if report["status"] in ("failed", "cancelled"):
        raise typer.Exit(1)


async def _read(place: Any) -> dict[str, Any]:
    from shared.cli.client import service

    async with service("orchestrator") as orchestrator:
        report: dict[str, Any] = await orchestrator.get(f"{place.path}/progress")
    return report
