"""The `ridgeline` command: one Typer application, one file a group of subcommands."""

from __future__ import annotations

import importlib
import sys

import typer

from shared.cli.environment import load_environment
from shared.cli.refusals import refusal

# Each module has `register(app)`; it imports heavy things inside its commands, so that `--help` stays quick.
GROUPS = (
    "shared.cli.processes",
    "shared.cli.activate",
    "shared.cli.leads",
    "shared.cli.sources",
    "shared.cli.imports",
    "shared.cli.models",
    "shared.cli.reviews",
    "shared.cli.truth",
    "shared.cli.demo",
    "shared.cli.data",
    "shared.cli.keys",
    "shared.cli.staff",
    "shared.cli.aged",
    "shared.cli.privacy",
    "shared.cli.quality",
    "shared.cli.platform",
)


def build() -> typer.Typer:
    """The application with every group's subcommands."""
    application = typer.Typer(
        name="ridgeline",
        help="Finds roofs that need work, proves it, and sells each one exactly once to one vetted contractor.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its traces print local variables, and those hold secrets
    )
    for name in GROUPS:
        importlib.import_module(name).register(application)
    return application


def app() -> None:
    """Run the command; a refusal is one line and status 1, never a trace."""
    try:
        load_environment()
        build()()
    except Exception as error:
        words = refusal(error)
        if words is None:
            raise
        sys.stderr.write(f"ridgeline: {words}\n")
        sys.exit(1)


if __name__ == "__main__":
    app()
