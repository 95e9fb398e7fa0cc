"""`ridgeline aged ingest|assign|status|price|reset-test`: the stock of aged leads."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from shared.errors import InvalidInput
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.schemas.money import Money
from shared.settings import Settings

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="The stock of aged leads.", no_args_is_help=True)
    group.command()(ingest)
    group.command()(assign)
    group.command()(status)
    group.command()(price)
    group.command("reset-test")(reset_test)
    app.add_typer(group, name="aged")


def ingest(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, plain or gzip.", exists=True, dir_okay=False)
    ],
    classification: Annotated[
        AgedClass | None, typer.Option(help="Class of leads whose line names none.")
    ] = None,
) -> None:
    """Store the leads of a file and put them on sale; prints counts as one JSON line, faults on the other stream."""
    report = asyncio.run(
        _with_stock(lambda stock, uow: stock.ingest(file, uow, _tell, classification=classification))
    )
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    if report.read and report.read == report.rejected:
        raise typer.Exit(1)


def assign() -> None:
    """Move leads into the age bucket they have reached; the fleet does so every hour."""
    moved = asyncio.run(_with_stock(lambda stock, uow: stock.assign(uow)))
    sys.stdout.write(json.dumps(moved) + "\n")


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False) -> None:
    """Show what is on the shelf, sold and withdrawn, by class and age, with prices."""
    rows = asyncio.run(_with_stock(lambda stock, uow: stock.status(uow)))
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")
        return
    table = Table()
    for column in ("class", "age", "price", "on sale", "sold", "withdrawn"):
        table.add_column(column, justify="left" if column in ("class", "age") else "right")
    for row in rows:
        counts = (row["unsold"], row["sold"], row["withdrawn"])
        dollars = Money(cents=row["price_cents"]).dollars
        table.add_row(row["classification"], row["age_bucket"], str(dollars), *map(str, counts))
    console.print(table)


def price(
    classification: Annotated[AgedClass, typer.Argument(help="Class of the leads.")],
    bucket: Annotated[AgeBucket, typer.Argument(help="Their age.")],
    dollars: Annotated[str, typer.Argument(help='Price of one lead, as in "7.50".')],
) -> None:
    """Sell such leads at another price from now on; older prices stay on record."""
    try:
        amount = Decimal(dollars)
    except InvalidOperation:
        raise InvalidInput(f"{dollars!r} is no price") from None
    if not amount.is_finite() or amount != round(amount, 2) or not 0 < amount < Decimal(1_000_000):
        raise InvalidInput(f"{dollars!r} is no price in dollars and cents")
    money = Money.of(amount)
    asyncio.run(_with_stock(lambda stock, uow: stock.set_price(uow, classification, bucket, money)))
    sys.stdout.write(f"{classification} {bucket} costs {money} from now on\n")


def reset_test() -> None:
    """Put everything sold back on sale; refused in production."""
    production = Settings().production
    freed = asyncio.run(_with_stock(lambda stock, uow: stock.reset_test(uow, production=production)))
    sys.stdout.write(f"{freed} items are on sale again\n")


def _tell(fault: str) -> None:
    sys.stderr.write(f"{fault}\n")


async def _with_stock(run: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """What a verb of the stock answers; loaded by name, as no package of `shared` imports a service."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory

    engine = make_engine(Settings().database_url, application_name="ridgeline-aged")
    try:
        stock = importlib.import_module("services.marketplace.service.aged_stock")
        return await run(stock, UnitOfWorkFactory(make_session_maker(engine)))
    finally:
        await engine.dispose()
