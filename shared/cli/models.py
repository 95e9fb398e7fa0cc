"""`ridgeline models`: which models judge roofs, and how good they were on held-out pictures."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(models)


def models(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False) -> None:
    """List the models with version, state and measured quality."""
    found = asyncio.run(_models())
    if as_json:
        for model in found:
            sys.stdout.write(json.dumps(model) + "\n")
        return
    columns = sorted({name for model in found for name, value in model.items() if _is_plain(value)})
    table = Table(title=f"{len(found)} models")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for model in found:
        table.add_row(*("" if model.get(name) is None else str(model[name]) for name in columns))
    console.print(table)


async def _models() -> list[dict[str, Any]]:
    from shared.cli.client import service

    async with service("ml_inference") as ml_inference:
        answer = await ml_inference.get("/models")
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["items"]
    return found


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict | list)
