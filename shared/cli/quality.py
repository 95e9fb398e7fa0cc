"""`ridgeline quality`: what our grades were worth, as the public page says it."""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.settings import Settings

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(quality)


def quality(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Show contact and win rates of every grade with 95 % intervals, as the page `/quality` does."""
    report = asyncio.run(_measured())
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
        return
    console.print(_table(report))


def _table(report: Any) -> Table:
    title = f"leads sold from {report.since:%Y-%m-%d} to {report.contact_until:%Y-%m-%d}"
    table = Table(title=title, title_justify="left")
    for column in ("grade", "sold", "came back", "reported", "reached", "became a job"):
        table.add_column(column, justify="left" if column == "grade" else "right")
    for band in (*report.bands, report.total):
        counts = map(str, (band.sold, band.came_back, band.reported))
        table.add_row(band.grade or "all", *counts, words_for(band.contact), words_for(band.win))
    return table


def words_for(rate: Any) -> str:
    """A rate as an operator reads it."""
    if not rate.enough:
        return f"not enough yet ({rate.of})"
    return f"{rate.share:.1%} ({rate.low:.1%} to {rate.high:.1%}) of {rate.of}"


async def _measured() -> Any:
    """The report as of now; loaded by name, as no package of `shared` imports a service."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory

    engine = make_engine(Settings().database_url, application_name="ridgeline-quality")
    try:
        service = importlib.import_module("services.marketplace.service.quality")
        unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
        async with unit_of_work() as uow:
            now = await uow.database_now()
        return await service.measured_quality(unit_of_work, now)
    finally:
        await engine.dispose()
