"""`ridgeline source check`: whether a city's permit feeds can be used, and why not."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.errors import UpstreamFailed

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="Sources of public data.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(check)
    app.add_typer(group, name="source")


def _group() -> None:
    """Sources of public data."""


def check(
    place: Annotated[str | None, typer.Argument(metavar='"CITY, ST"', help="The city.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every city that has a permit source.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Sample feeds now: licence, columns, place and freshness; exit status 1 when one is not usable."""
    if (place is None) == (not everything):
        raise typer.BadParameter('name one city, as in "Harrow, TX", or say --all')
    found = asyncio.run(_check(place))
    for verdict in found if as_json else ():
        sys.stdout.write(json.dumps(verdict) + "\n")
    if not as_json:
        console.print(_table(found))
    if not found or not all(verdict["usable"] for verdict in found):
        raise typer.Exit(1)


async def _check(place: str | None) -> list[dict[str, Any]]:
    from shared.cli.activate_run import Place
    from shared.cli.leads_queries import rows

    if place is not None:
        return await _verdicts(Place.parse(place))
    cities = await rows(
        "SELECT city, state FROM target_cities"
        " WHERE jsonb_array_length(coalesce(sources->'permit_sources', '[]'::jsonb)) > 0 ORDER BY state, city",
        {},
    )
    return [verdict for city in cities for verdict in await _verdicts(Place(city["city"], city["state"]))]


async def _verdicts(place: Any) -> list[dict[str, Any]]:
    """The verdicts on a city's feeds; a feed that does not answer is not usable, with the provider's code as reason."""
    from shared.cli.client import service

    async with service("scraper") as scraper:
        try:
            verdicts = await scraper.get(f"/sources/{place.path.removeprefix('/cities/')}/check")
        except UpstreamFailed as failed:
            reason = str(failed.fields.get("upstream_code") or failed.detail)
            return [_verdict(place, {"source": "", "usable": False, "reasons": [reason], "facts": {}})]
    return [_verdict(place, verdict) for verdict in verdicts]


def _verdict(place: Any, verdict: dict[str, Any]) -> dict[str, Any]:
    return {"city": str(place), **verdict}


def _table(found: list[dict[str, Any]]) -> Table:
    """The verdicts for a terminal."""
    table = Table(title=f"{sum(verdict['usable'] for verdict in found)} of {len(found)} sources are usable")
    for column in ("city", "source", "usable", "reasons", "facts"):
        table.add_column(column, overflow="fold")
    for verdict in found:
        facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in verdict["facts"].items())
        table.add_row(
            verdict["city"],
            verdict["source"],
            "yes" if verdict["usable"] else "no",
            "; ".join(verdict["reasons"]),
            facts,
        )
    return table
