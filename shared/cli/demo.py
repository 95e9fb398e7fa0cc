"""`ridgeline demo`: the whole main job on the sandbox town, from permits to a sold lead, with figures."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from shared.cli.demo_view import show_demo
from shared.cli.environment import home
from shared.errors import InvalidInput

console = Console()
PLACE = "Harrow, TX"
OPERATOR = "operator@demo.example"
SETUP_IS_FRESH_SECONDS = 60.0


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(demo)


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the database as it is; a fresh one otherwise.")
    ] = False,
    parcels: Annotated[int, typer.Option(min=200, max=200_000, help="Size of the town.")] = 600,
    seed: Annotated[int, typer.Option(help="Seed of the town.")] = 7,
) -> None:
    """Start the fleet, activate the sandbox town, buy its best lead, and measure all of it.

    Writes `demo.json` and the sold lead's sheet, `demo-sheet.pdf`, beside the environment file. Exit status 1 when a
    figure is not as it must be. A database with real cities or imported files is put aside under another name,
    never dropped.
    """
    from shared.settings import Settings

    if Settings().production:
        raise InvalidInput("the demo sells invented leads with invented money; it does not run in production")
    file, sheet = home() / "demo.json", home() / "demo-sheet.pdf"
    for earlier_file in (file, sheet):
        earlier_file.unlink(missing_ok=True)
    os.environ |= {"RIDGELINE_SANDBOX_SEED": str(seed), "RIDGELINE_SANDBOX_PARCELS": str(parcels)}
    began = time.monotonic()
    earlier = _set_up_just_now()
    _start(keep=keep)
    document, shown = asyncio.run(_main_job(seed, earlier + time.monotonic() - began))
    document["seconds"]["total"] = round(earlier + time.monotonic() - began, 1)
    _write(file, json.dumps(document, indent=2).encode() + b"\n")
    _write(sheet, shown["bought"].sheet)
    show_demo(console, document, {**shown, "sheet": sheet}, file)
    if not document["ok"]:
        raise typer.Exit(1)


def _start(*, keep: bool) -> None:
    """Data plane, schema, seeds and fleet; an empty database unless told to keep the present one."""
    from shared.cli import processes
    from shared.cli.demo_database import start_afresh

    processes.start_data_plane()
    if not keep:
        processes.stop_fleet()
        for words in start_afresh():
            console.print(words)
    processes.migrate_and_seed()
    began = time.monotonic()
    processes.start_fleet([])
    console.print(f"fleet is up in {time.monotonic() - began:.1f} s")


async def _main_job(seed: int, setup_seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of a run, and what is shown of it besides."""
    from shared.cli import demo_facts, demo_night, leads_queries, processes
    from shared.cli.activate_run import Place, activation_words, run_activation
    from shared.cli.demo_sale import buy_best_lead
    from shared.cli.staff import StaffRole, add_staff
    from shared.cli.truth_run import measure
    from shared.errors import Unavailable

    place = Place.parse(PLACE)
    report = await run_activation(place)
    console.print(activation_words(report))
    if report["status"] != "done":
        raise Unavailable(activation_words(report))
    pss = processes.fleet_pss_mb()
    leads = await demo_facts.lead_counts(place)
    table = await leads_queries.leads(place, "available", 10)
    began = time.monotonic()
    bought = await buy_best_lead(place)
    sale_seconds = time.monotonic() - began
    began = time.monotonic()
    jobs = await demo_night.play_a_day()
    console.print(
        f"a day's scheduled jobs on a fast clock: {', '.join(f'{job} {how}' for job, how in jobs.items())}"
    )
    facts = demo_facts.Facts(
        seed=seed,
        report=report,
        leads=leads,
        parcels=await demo_facts.parcel_count(place),
        sale=await demo_facts.sale_facts(bought),
        platform=await demo_facts.settled_platform(),
        quality=await measure(place),
        pss_mb=pss,
        setup_seconds=setup_seconds,
        sale_seconds=sale_seconds,
        jobs=jobs,
        events=await demo_night.announced(),
        jobs_seconds=time.monotonic() - began,
    )
    shown = {"leads": table, "bought": bought, "quality": facts.quality.as_json()}
    return demo_facts.document(facts), {
        **shown,
        "operator": (OPERATOR, await add_staff(OPERATOR, StaffRole.ADMIN)),
    }


def _set_up_just_now() -> float:
    """Seconds that `scripts/setup` took when it ran right before, 0 otherwise."""
    file = home() / "setup.json"
    try:
        if time.time() - file.stat().st_mtime > SETUP_IS_FRESH_SECONDS:
            return 0.0
        return float(json.loads(file.read_text())["seconds"])
    except (OSError, ValueError, KeyError):
        return 0.0


def _write(file: Path, content: bytes) -> None:
    """Replace the file at once."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)
