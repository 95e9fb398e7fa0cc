"""`ridgeline import storms|permits|parcels|listings|dnc`: recorded files into the database."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.errors import InvalidInput
from shared.settings import Settings

Files = Annotated[list[Path], typer.Argument(help="Files, plain or gzip.", exists=True, dir_okay=False)]
Layers = Annotated[
    list[Path],
    typer.Argument(
        help="CSV, TSV, XLSX, GeoJSON or ArcGIS answers, plain or packed; shapefiles.", exists=True
    ),
]
ImportFiles = Callable[[Any, Any], Awaitable[Any]]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(
        help="Read files of public data, of business directories and of the do-not-call registry.",
        no_args_is_help=True,
    )
    group.command()(storms)
    group.command()(permits)
    group.command()(parcels)
    group.command()(listings)
    group.command()(dnc)
    app.add_typer(group, name="import")


def storms(
    files: Files,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day of SPC reports whose file name carries none."),
    ] = None,
) -> None:
    """Import storm files (NCEI, SPC, NWS alerts and reports, SWDI) and print what became of their rows as one JSON line."""

    async def run(scraper: Any, unit_of_work: Any) -> Any:
        return await scraper.import_storms(files, unit_of_work, report_day=day.date() if day else None)

    _print(asyncio.run(_with_importer(run, "scraper")))


def permits(
    files: Files,
    city: Annotated[
        str | None, typer.Option(help='City whose source reads the files: "Chicago, IL".')
    ] = None,
    source: Annotated[str | None, typer.Option(help="Key of that source.")] = None,
    jurisdiction: Annotated[
        str | None,
        typer.Option(help='City that made an export of a common software: "Southlake, TX".'),
    ] = None,
) -> None:
    """Import permit files and print what became of their rows as one JSON line.

    City and source may be left out where the content names its format.
    """
    if city is not None and source is None:
        source = asyncio.run(_only_source(city))

    async def run(scraper: Any, unit_of_work: Any) -> Any:
        return await scraper.import_permits(
            files, unit_of_work, city=city, source=source, jurisdiction=jurisdiction
        )

    _print(asyncio.run(_with_importer(run, "scraper")))


def parcels(
    files: Layers,
    jurisdiction: Annotated[
        str | None, typer.Option(help='Target city that the parcels belong to: "Oakland, CA".')
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Key of the city's parcel source whose field map reads the files.")
    ] = None,
) -> None:
    """Import parcel files, shapefiles as ZIP, folder or .shp, and print what became of their rows as one JSON line."""
    from shared.security.fields import KeyRing

    async def run(scraper: Any, unit_of_work: Any) -> Any:
        keys = KeyRing.from_settings(Settings())
        return await scraper.import_parcels(
            files, unit_of_work, keys, jurisdiction=jurisdiction, source=source
        )

    _print(asyncio.run(_with_importer(run, "scraper", "parcel_imports")))


def listings(
    files: Files,
    city: Annotated[str | None, typer.Option(help='City that was searched: "Austin, TX".')] = None,
) -> None:
    """Import answers of Google Places and Yelp: only ids are kept, and what a term leaves out is told."""

    async def run(acquisition: Any, unit_of_work: Any) -> Any:
        return await acquisition.import_listings(files, unit_of_work, city=city)

    _print(asyncio.run(_with_importer(run, "contractor_acquisition")))


def dnc(
    files: Files,
    *,
    registry_date: Annotated[
        datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Day the registry made the files.")
    ],
    whole_registry: Annotated[
        bool, typer.Option("--whole-registry", help="The files list every area code, not some.")
    ] = False,
) -> None:
    """Import files of the national do-not-call registry (full or change lists) and print one JSON line.

    A phone may be offered for 31 days after that day; a number once listed stays masked.
    """

    async def run(enricher: Any, unit_of_work: Any) -> Any:
        return await enricher.import_dnc(
            files, unit_of_work, registry_date=registry_date.date(), whole_registry=whole_registry
        )

    _print(asyncio.run(_with_importer(run, "enricher")))


async def _with_importer(run: ImportFiles, service: str, module: str = "imports") -> Any:
    """What a service's importer reports; loaded by name, as no package of `shared` imports a service."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory

    engine = make_engine(Settings().database_url, application_name="ridgeline-import")
    try:
        importer = importlib.import_module(f"services.{service}.{module}")
        return await run(importer, UnitOfWorkFactory(make_session_maker(engine)))
    finally:
        await engine.dispose()


async def _only_source(city: str) -> str:
    """The key of the city's permit source where it has exactly one."""
    from shared.cli.leads_queries import permit_source_keys

    keys = await permit_source_keys(city)
    if len(keys) != 1:
        raise InvalidInput(
            f"{city} has {len(keys)} permit sources ({', '.join(keys)}); name one with --source"
        )
    return keys[0]


def _print(report: Any) -> None:
    """One JSON line, and what was remarked or why a file was refused on the other stream.

    Exit status 1 when a file was refused or no row could be kept.
    """
    counts: dict[str, Any] = report.as_json()
    for note in (*report.remarks, *report.notes):
        sys.stderr.write(f"{note}\n")
    sys.stdout.write(json.dumps(counts) + "\n")
    if report.notes or (counts["read"] and counts["read"] == counts["rejected"]):
        raise typer.Exit(1)
