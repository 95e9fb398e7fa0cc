"""`ridgeline openapi|settings|dead-letters`: what the platform can tell about itself."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(openapi)
    app.command()(settings)
    dead = typer.Typer(help="Steps and events that were given up.", invoke_without_command=True)
    dead.callback()(list_dead_letters)
    dead.command("re-drive")(re_drive)
    app.add_typer(dead, name="dead-letters")


def openapi(service: Annotated[str, typer.Argument(help="Name of the service.")]) -> None:
    """Print a service's OpenAPI document."""
    from shared.runtime import create_app, load_service

    sys.stdout.write(json.dumps(create_app(load_service(service)).openapi(), indent=2) + "\n")


def settings() -> None:
    """Print every setting with its default, as `.env.example` has them."""
    from shared.cli.catalogue import example

    sys.stdout.write(example())


def list_dead_letters(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
) -> None:
    """List what was given up and waits for a person."""
    if context.invoked_subcommand is not None:
        return
    from shared.cli import dead_letters

    found = asyncio.run(dead_letters.list_open(limit))
    if as_json:
        for letter in found:
            sys.stdout.write(json.dumps(letter.as_row()) + "\n")
        return
    table = Table(title=f"{len(found)} dead letters")
    for column in ("id", "source", "what", "reason", "attempts", "created_at"):
        table.add_column(column, overflow="fold")
    for letter in found:
        table.add_row(*(str(value) for value in letter.as_row().values()))
    console.print(table)


def re_drive(
    letter: Annotated[UUID | None, typer.Argument(help="Id of one dead letter.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Try given-up work again: a step's workflow goes on from there, an event is delivered once more."""
    from shared.cli import dead_letters

    if (letter is None) == (not everything):
        raise typer.BadParameter("name one dead letter, or say --all")
    outcome = asyncio.run(dead_letters.re_drive(letter, by=f"cli:{getpass.getuser()}"))
    for refused in outcome.refused:
        console.print(f"left as it is: {refused}")
    console.print(f"driven again: {outcome.driven}")
    if outcome.refused:
        raise typer.Exit(1)
