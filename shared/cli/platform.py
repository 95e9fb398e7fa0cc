"""`ridgeline openapi|settings|dead-letters`: what the platform can tell about itself."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.table import Table

from shared.errors import Conflict, NotFound

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(openapi)
    app.command()(settings)
    app.command()(catalogue)
    dead = typer.Typer(help="Steps and events that were given up.", invoke_without_command=True)
    dead.callback()(list_dead_letters)
    dead.command("re-drive")(re_drive)
    dead.command()(dismiss)
    app.add_typer(dead, name="dead-letters")


def openapi(service: Annotated[str, typer.Argument(help="Name of the service.")]) -> None:
    """Print a service's OpenAPI document."""
    from shared.runtime import create_app, load_service

    sys.stdout.write(json.dumps(create_app(load_service(service)).openapi(), indent=2) + "\n")


def settings() -> None:
    """Print every setting with its default, as `.env.example` has them."""
    from shared.cli.catalogue import example

    sys.stdout.write(example())


def catalogue() -> None:
    """Print events, workflows and jobs, as `docs/catalogue.md` has them."""
    from shared.runtime.catalogue import page

    sys.stdout.write(page())


def list_dead_letters(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
) -> None:
    """List what was given up and waits for a person."""
    if context.invoked_subcommand is not None:
        return
    found = asyncio.run(_open_letters(limit))
    if as_json:
        for letter in found:
            sys.stdout.write(json.dumps(letter) + "\n")
        return
    table = Table(title=f"{len(found)} dead letters")
    for column in ("id", "source", "what", "reason", "attempts", "created_at"):
        table.add_column(column, overflow="fold")
    for letter in found:
        what = letter["step_name"] or f"{letter['topic']} {letter['consumer']}"
        columns = (
            letter["id"],
            letter["source"],
            what,
            letter["reason"],
            letter["attempts"],
            letter["created_at"],
        )
        table.add_row(*(str(value) for value in columns))
    console.print(table)


def re_drive(
    letter: Annotated[UUID | None, typer.Argument(help="Id of one dead letter.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Try given-up work again: a step's workflow goes on from there, an event is delivered once more."""
    if (letter is None) == (not everything):
        raise typer.BadParameter("name one dead letter, or say --all")
    driven, refused = asyncio.run(_drive([letter] if letter else None))
    for words in refused:
        console.print(f"left as it is: {words}")
    console.print(f"driven again: {driven}")
    if refused:
        raise typer.Exit(1)


def dismiss(
    letter: Annotated[UUID, typer.Argument(help="Id of one dead letter.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it needs no other try; kept in the audit log.")],
) -> None:
    """Close a dead letter without another try."""
    asyncio.run(_dismiss(letter, reason))
    console.print(f"dismissed: {letter}")


async def _dismiss(letter: UUID, reason: str) -> None:
    from shared.cli.client import service

    async with service("orchestrator") as orchestrator:
        await orchestrator.command(
            "POST",
            f"/dead-letters/{letter}/dismiss",
            json={"reason": reason},
            idempotency_key=f"dismiss:{letter}",
        )


async def _open_letters(limit: int) -> list[dict[str, Any]]:
    from shared.cli.client import service

    async with service("orchestrator") as orchestrator:
        found: list[dict[str, Any]] = await orchestrator.get("/dead-letters", params={"limit": limit})
    return found


async def _drive(letters: list[UUID] | None) -> tuple[int, list[str]]:
    """How many went out again, and why the others did not; all open ones for None."""
    from shared.cli.client import service

    wanted = letters or [UUID(letter["id"]) for letter in await _open_letters(500)]
    refused: list[str] = []
    async with service("orchestrator") as orchestrator:
        for letter in wanted:
            path = f"/dead-letters/{letter}/redrive"
            try:
                await orchestrator.command("POST", path, idempotency_key=f"redrive:{letter}:{uuid4().hex}")
            except (Conflict, NotFound) as reason:
                refused.append(f"{letter}: {reason.detail}")
    return len(wanted) - len(refused), refused
