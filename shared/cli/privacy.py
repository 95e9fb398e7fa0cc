"""`ridgeline privacy`: what people asked of us, until when we owe an answer, and where we are registered."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.settings import Settings

console = Console()
URGENT = timedelta(days=5)


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="Privacy requests of homeowners.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(report)
    group.command()(registrations)
    app.add_typer(group, name="privacy")


def _group() -> None:
    """A group of its own."""


def report(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,  # noqa: FBT002
) -> None:
    """Print every open request with its deadline, the most urgent first; status 1 where one is late."""
    found: list[tuple[Any, timedelta]] = asyncio.run(_answer("privacy"))
    if as_json:
        rows = [
            {**view.model_dump(mode="json"), "hours_left": int(left.total_seconds() // 3600)}
            for view, left in found
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        console.print(_table(found))
    if any(left < timedelta(0) for _, left in found):
        raise typer.Exit(1)


def registrations(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,  # noqa: FBT002
) -> None:
    """Print each state that demands registration as a data broker; status 1 where nothing may be sold."""
    found = asyncio.run(_answer("registrations"))
    if as_json:
        sys.stdout.write(found.model_dump_json() + "\n")
    else:
        console.print(_states(found))
    if not all(each.sells for each in found.states):
        raise typer.Exit(1)


def words_for(left: timedelta) -> str:
    """The time until a deadline as an operator reads it."""
    if left < timedelta(0):
        return f"LATE by {-left.days} d"
    days = f"{left.days} d"
    return f"{days}, urgent" if left < URGENT else days


def _table(found: Sequence[tuple[Any, timedelta]]) -> Table:
    table = Table(title=f"{len(found)} open privacy requests")
    for name in ("Reference", "Kind", "State", "Status", "Received", "Due", "Left", "Buyers to answer"):
        table.add_column(name)
    for view, left in found:
        table.add_row(
            view.reference,
            view.kind,
            view.state,
            view.status,
            f"{view.received_at:%Y-%m-%d}",
            f"{view.due_at:%Y-%m-%d}" + (" (extended)" if view.extended_at else ""),
            words_for(left),
            str(view.unacknowledged),
        )
    return table


def _states(found: Any) -> Table:
    table = Table(title="States that demand registration as a data broker")
    for name in ("State", "Standing", "Sells", "Until", "Law"):
        table.add_column(name)
    for each in found.states:
        until = f"{each.until:%Y-%m-%d}" if each.until else ""
        words = each.standing.replace("_", " ")
        sells = "yes" if each.sells else "NO"
        if each.held_back:
            sells = f"NO: {each.held_back}"
        table.add_row(each.state, words, sells, until, each.law or "")
    return table


async def _answer(noun: str) -> Any:
    """The marketplace's report of a noun; loaded by name, as no package of `shared` imports a service."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory

    engine = make_engine(Settings().database_url, application_name="ridgeline-privacy")
    try:
        service = importlib.import_module(f"services.marketplace.service.{noun}")
        return await service.report(UnitOfWorkFactory(make_session_maker(engine)))
    finally:
        await engine.dispose()
