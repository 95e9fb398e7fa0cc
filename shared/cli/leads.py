"""`ridgeline leads`: what was found, best first."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.schemas.enums import LeadStatus

console = Console()
REASONS_SHOWN = 3


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(leads)


def leads(
    *,
    city: Annotated[str | None, typer.Option(help='Only of this city, as in "Harrow, TX".')] = None,
    status: Annotated[LeadStatus | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """List leads with grade, score, price and reasons; owners are shown to buyers only."""
    from shared.cli import leads_queries
    from shared.cli.activate_run import Place

    found = asyncio.run(leads_queries.leads(Place.parse(city) if city else None, status, limit))
    if as_json:
        for lead in found:
            sys.stdout.write(json.dumps(lead, default=str) + "\n")
    else:
        console.print(leads_table(found))


def leads_table(found: Sequence[Mapping[str, Any]], title: str = "") -> Table:
    """Leads for a terminal."""
    table = Table(title=title or f"{len(found)} leads", title_justify="left")
    for column in ("grade", "score", "price", "status", "condition", "address", "why"):
        table.add_column(column, justify="right" if column in ("score", "price") else "left")
    for lead in found:
        cells = (
            lead["grade"] or "",
            "" if lead["quality_score"] is None else str(lead["quality_score"]),
            "" if lead["price"] is None else f"{lead['price']:.2f}",
            _status(lead),
            lead["condition"] or "",
            f"{lead['address'].split(',')[0]}, {lead['city']}",
            _why(lead),
        )
        table.add_row(*map(Text, cells))  # an address is the public's text, not the terminal's markup
    return table


def _status(lead: Mapping[str, Any]) -> str:
    label = lead["publish_label"]
    return f"{lead['status']} ({label.replace('_', ' ')})" if label else str(lead["status"])


def _why(lead: Mapping[str, Any]) -> str:
    """The strongest triggers, or why the house became a prospect."""
    words = list(lead["triggers"] or lead["reasons"] or ())[:REASONS_SHOWN]
    return ", ".join(word.replace("_", " ") for word in words)
