"""`ridgeline source` and `ridgeline cities`: whether sources can be used and how they are doing, and why not."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.errors import UpstreamFailed

if TYPE_CHECKING:
    from shared.http.clients.base import ServiceClient

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="Sources of public data.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(check)
    group.command()(health)
    group.command()(replay)
    app.add_typer(group, name="source")
    app.command()(cities)


def _group() -> None:
    """Sources of public data."""


def check(
    place: Annotated[str | None, typer.Argument(metavar='"CITY, ST"', help="The city.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every city with a source that may be asked, a line each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Sample a city's sources now, in their order, up to the first that may be read; exit status 1 where none may.

    Looked at are terms, columns, place, freshness and roofing share; each verdict is kept with its licence row.
    """
    if (place is None) == (not everything):
        raise typer.BadParameter('name one city, as in "Harrow, TX", or say --all')
    good = asyncio.run(_check_every(as_json=as_json) if place is None else _check_one(place, as_json=as_json))
    if not good:
        raise typer.Exit(1)


def health(
    place: Annotated[str | None, typer.Argument(metavar='"CITY, ST"', help="The city.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """How the sources of the active cities and the storm feeds are doing, worst first; exit status 1 where one is red.

    A source is judged by its last readings: rows against history, lost columns, known rows asked for again, age.
    """
    found = asyncio.run(_health(place))
    for source in found if as_json else ():
        sys.stdout.write(json.dumps(source) + "\n")
    if not as_json:
        console.print(_health_table(found))
    if any(source["light"] == "red" for source in found):
        raise typer.Exit(1)


def replay(
    place: Annotated[str, typer.Argument(metavar='"CITY, ST"', help="The city.")],
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Store what differs, as after a mended field map.")
    ] = False,
) -> None:
    """Read a city's kept permit rows again with today's code, without fetching; one JSON line a source tells what differs.

    Exit status 1 where nothing of the city is kept.
    """
    from shared.cli.activate_run import Place

    found = asyncio.run(_replay(Place.parse(place), store=apply))
    for line in found:
        sys.stdout.write(json.dumps(line) + "\n")
    if not found:
        sys.stderr.write(f"no row of {place} is kept\n")
        raise typer.Exit(1)


def cities(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False) -> None:
    """Every target city: its status, whether its sources can be asked, and why not."""
    found = asyncio.run(_cities())
    for city in found if as_json else ():
        sys.stdout.write(json.dumps(city) + "\n")
    if not as_json:
        console.print(_city_table(found))


async def _health(place: str | None) -> list[dict[str, Any]]:
    from shared.cli.activate_run import Place
    from shared.cli.client import service

    city = Place.parse(place) if place else None
    async with service("scraper") as scraper:
        wanted = {"city": city.city, "state": city.state} if city else {}
        found: list[dict[str, Any]] = await scraper.get("/sources/health", params=wanted)
    return found


async def _replay(place: Any, *, store: bool) -> list[dict[str, Any]]:
    """The scraper's replay; loaded by name, as no package of `shared` imports a service."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory
    from shared.settings import Settings

    engine = make_engine(Settings().database_url, application_name="ridgeline-replay")
    try:
        scraper = importlib.import_module("services.scraper.replay")
        unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
        found = await scraper.replay_city(unit_of_work, place.city, place.state, store=store)
    finally:
        await engine.dispose()
    return [one.as_json() for one in found]


async def _check_one(place: str, *, as_json: bool) -> bool:
    from shared.cli.activate_run import Place
    from shared.cli.client import service

    async with service("scraper") as scraper:
        found = await _verdicts(scraper, Place.parse(place))
    for verdict in found if as_json else ():
        sys.stdout.write(json.dumps(verdict) + "\n")
    if not as_json:
        console.print(_table(found))
    return any(verdict["usable"] for verdict in found)


async def _check_every(*, as_json: bool) -> bool:
    """Print a line a city as soon as it is known; True when each has a source that may be read."""
    from shared.cli.client import service

    answers: list[bool] = []
    async with service("orchestrator") as orchestrator, service("scraper") as scraper:
        async for place, found in every_city(orchestrator, scraper):
            answers.append(any(verdict["usable"] for verdict in found))
            line = json.dumps({"city": place, "verdicts": found}) if as_json else city_line(place, found)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return bool(answers) and all(answers)


async def every_city(
    orchestrator: ServiceClient, scraper: ServiceClient
) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Each city that has a source to ask, with the verdicts on its sources, one after the other."""
    from shared.cli.activate_run import Place

    for city in await orchestrator.get("/cities"):
        if city["source"]:
            place = Place(city["city"], city["state"])
            yield str(place), await _verdicts(scraper, place)


def city_line(place: str, verdicts: list[dict[str, Any]]) -> str:
    """A city's verdict in one line: the source that may be read and what it showed, or every reason."""
    usable = next((verdict for verdict in verdicts if verdict["usable"]), None)
    if usable is None:
        why = "; ".join(_why(verdict) for verdict in verdicts)
        return f"{place}: no source may be read: {why}"
    facts = usable["facts"]
    told = [
        f"{name.replace('_', ' ')} {facts[name]}"
        for name in ("newest_row", "inside", "roofing")
        if name in facts
    ]
    return f"{place}: {usable['source']} is usable ({', '.join(told)})"


async def _cities() -> list[dict[str, Any]]:
    from shared.cli.client import service

    async with service("orchestrator") as orchestrator:
        found: list[dict[str, Any]] = await orchestrator.get("/cities")
    return found


async def _verdicts(scraper: ServiceClient, place: Any) -> list[dict[str, Any]]:
    """The verdicts on a city's feeds; one that does not answer is not usable, with the provider's code as reason."""
    try:
        verdicts = await scraper.get(f"/sources/{place.path.removeprefix('/cities/')}/check")
    except UpstreamFailed as failed:
        reason = str(failed.fields.get("upstream_code") or failed.detail)
        return [_verdict(place, {"source": "", "usable": False, "reasons": [reason], "facts": {}})]
    return [_verdict(place, verdict) for verdict in verdicts]


def _verdict(place: Any, verdict: dict[str, Any]) -> dict[str, Any]:
    return {"city": str(place), **verdict}


def _why(verdict: dict[str, Any]) -> str:
    reasons = ", ".join(verdict["reasons"])
    return f"{verdict['source']}: {reasons}" if verdict["source"] else reasons


def _city_table(found: list[dict[str, Any]]) -> Table:
    """The cities for a terminal."""
    counts = Counter(city["source_status"] for city in found)
    words = ", ".join(f"{number} {status}" for status, number in counts.most_common())
    table = Table(title=f"{len(found)} cities: {words}")
    for column in ("city", "tier", "status", "sources", "read from, or why not"):
        table.add_column(column, overflow="fold")
    for city in found:
        told = city["source"] or city["source_reason"] or "no source is known"
        place, status = f"{city['city']}, {city['state']}", str(city["status"])
        table.add_row(place, str(city["tier"]), status, str(city["source_status"]), told)
    return table


def _health_table(found: list[dict[str, Any]]) -> Table:
    """The sources' health for a terminal."""
    counts = Counter(source["light"] for source in found)
    words = ", ".join(f"{number} {light}" for light, number in counts.items())
    table = Table(title=f"{len(found)} sources: {words}")
    for column in ("source", "city", "light", "last success", "newest row", "rows", "why"):
        table.add_column(column, overflow="fold")
    for source in found:
        table.add_row(
            source["source"],
            source["city"] or "",
            source["light"],
            (source["last_success"] or "never")[:16].replace("T", " "),
            source["newest_row"] or "",
            _rows_word(source),
            "; ".join([*source["reasons"], *source["notes"]]),
        )
    return table


def _rows_word(source: dict[str, Any]) -> str:
    """The rows of the last reading, and how many were expected."""
    if source["rows"] is None:
        return ""
    expected = source["rows_expected"]
    return str(source["rows"]) if expected is None else f"{source['rows']} of about {expected}"


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
