"""`ridgeline models`: which models judge roofs, how good they were on held-out pictures, and how they are made."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()


class Role(StrEnum):
    """What a model is for."""

    CLASSIFIER = "classifier"
    DETECTOR = "detector"
    SEGMENTOR = "segmentor"


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="The models that judge roofs.", invoke_without_command=True)
    group.callback()(models)
    group.command()(train)
    group.command()(evaluate)
    app.add_typer(group, name="models")


def models(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """List the models with version, state and measured quality."""
    if context.invoked_subcommand is not None:
        return
    found = asyncio.run(_models())
    if as_json:
        for model in found:
            sys.stdout.write(json.dumps(model) + "\n")
        return
    console.print(_table(found))


Real = Annotated[Path | None, typer.Option(help="Folder of real roofs with outlines.")]


def train(
    *,
    tiny: Annotated[bool, typer.Option("--tiny", help="A few steps, to see that every part works.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoints.")] = False,
    only: Annotated[Role | None, typer.Option(help="One of the three.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the plan's own.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that render.")] = 1,
    work: Annotated[Path, typer.Option(help="Pictures and checkpoints.")] = Path("artifacts/training"),
    out: Annotated[
        Path | None, typer.Option(help="Weights folder to write; WORK/weights unless given.")
    ] = None,
    real: Real = None,
) -> None:
    """Train the three models from rendered and real roofs, export and calibrate them."""
    folder = work / "tiny" if tiny else work
    chosen = {} if only is None else {"only": (only.value,)}
    written = _training().train_models(
        folder,
        out or folder / "weights",
        real=real,
        resume=resume,
        tiny=tiny,
        epochs=epochs,
        workers=workers,
        **chosen,
    )
    sys.stdout.write(f"{written}\n")


def evaluate(
    *,
    keep: Annotated[
        bool, typer.Option("--write", help="Keep the figures in registry and model card.")
    ] = False,
    share: Annotated[float, typer.Option(help="Share of the held-out houses.")] = 1.0,
    weights: Annotated[
        Path | None, typer.Option(help="Weights folder; the shipped one unless given.")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="Model card to write.")] = None,
    real: Real = None,
) -> None:
    """Measure the models on held-out rendered, shifted and real roofs: three tables, never mixed."""
    training = _training()
    tables = training.evaluate_models(
        weights or training.WEIGHTS, card or training.CARD, real=real, share=share, keep=keep
    )
    sys.stdout.write(tables)


def _training() -> Any:
    """The training package; loaded by name, as no package of `shared` imports a service."""
    return importlib.import_module("services.ml_inference.training.commands")


def _table(found: list[dict[str, Any]]) -> Table:
    """The models for a terminal."""
    table = Table(title="models and how good they were on held-out rendered pictures")
    for column in ("name", "version", "type", "images", "active", "figure", "measured", "n"):
        table.add_column(column, overflow="fold")
    for model in found:
        measured = (model.get("metrics") or {}).get("headline") or {}
        table.add_row(
            *(str(model[name]) for name in ("name", "version", "model_type", "image_domain")),
            "yes" if model["active"] else "no",
            measured.get("name", ""),
            "{value:.3f} [{low:.3f}, {high:.3f}]".format(**measured) if measured else "not measured",
            str(measured.get("n", "")),
        )
    return table


async def _models() -> list[dict[str, Any]]:
    from shared.cli.client import service

    async with service("ml_inference") as ml_inference:
        answer = await ml_inference.get("/models")
    found: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["items"]
    return found
