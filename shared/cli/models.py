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
    console.print(_table(found))


def _table(found: list[dict[str, Any]]) -> Table:
    """The models for a terminal."""
    table = Table(title="models and how often they were right on held-out pictures")
    for column in ("name", "version", "type", "images", "active", "accuracy", "n"):
        table.add_column(column, overflow="fold")
    for model in found:
        measured = ((model.get("metrics") or {}).get("held_out") or {}).get("all") or {}
        accuracy = measured.get("accuracy")
        table.add_row(
            *(str(model[name]) for name in ("name", "version", "model_type", "image_domain")),
            "yes" if model["active"] else "no",
            "{value:.1%} [{low:.1%}, {high:.1%}]".format(**accuracy) if accuracy else "not measured",
            str(measured.get("n", "")),
        )
    return table


async def _models() -> list[dict[str, Any]]:
    from shared.cli.client import service

    async with service("ml_inference") as ml_inference:
        answer = await ml_inference.get("/models")
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["items"]
    return found
