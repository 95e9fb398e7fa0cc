"""`ridgeline migrate|seed|backup|restore`: the database and the object store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shared.settings import Settings

console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(migrate)
    app.command()(seed)
    app.command()(backup)
    app.command()(restore)


def migrate() -> None:
    """Bring the schema to the newest revision and grant each service its columns; harmless when done."""
    from shared.db import migrate as schema

    revision = schema.upgrade()
    console.print(f"schema is at {revision}")


def seed() -> None:
    """Lay the rows that every installation starts from; rows that are there stay."""
    from shared.db import seed as seeds

    seeds.run(Settings().database_url)
    console.print("seeds are in")


def backup(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")]) -> None:
    """Write database and local object store into one file, consistent as of its start.

    Keys are not in it: who holds only the file cannot read owners' names. Keep the environment file elsewhere.
    """
    from shared.cli.archive import write_archive

    manifest = write_archive(file, Settings())
    console.print(
        f"{file}: schema {manifest.revision}, {manifest.objects} objects, {file.stat().st_size / 1e6:.1f} MB"
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `ridgeline backup`.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a database that holds data.")] = False,
) -> None:
    """Put a backup in the place of the database and the object store; the old ones stay until it is whole."""
    from shared.cli.archive import read_archive, read_manifest
    from shared.cli.processes import refuse_running_fleet

    read_manifest(file)
    refuse_running_fleet()
    manifest = read_archive(file, Settings(), replace=replace)
    console.print(
        f"restored the state of {manifest.created_at}: schema {manifest.revision}, {manifest.objects} objects"
    )
    if manifest.keys_missing:
        console.print(
            "[yellow]encrypted with keys that FIELD_KEYS does not hold: owners' names cannot be read[/yellow]"
        )
