"""`ridgeline reviews export`: what reviewers decided, as a training set with provenance."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    reviews = typer.Typer(help="What reviewers decided.", no_args_is_help=True)
    reviews.callback()(_group)
    reviews.command()(export)
    app.add_typer(reviews, name="reviews")


def _group() -> None:
    """A group of its own, even with one command."""


def export(
    folder: Annotated[Path, typer.Argument(help="Where labels.jsonl and manifest.json are written.")],
) -> None:
    """Write every approved review as a line with condition, boxes, outlines and the keys of its pictures.

    Pictures whose licence does not allow training are left out and counted in the manifest.
    """
    labels = asyncio.run(_labels())
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(label) + "\n" for label in labels)
    manifest = manifest_of(labels)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(manifest) + "\n")


def manifest_of(labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many houses and pictures, of which conditions, under which licences, and what was left out by source."""
    refused, pictures = Counter[str](), [picture for label in labels for picture in label["pictures"]]
    for label in labels:
        refused.update(label["refused"])
    return {
        "houses": len(labels),
        "pictures": len(pictures),
        "conditions": dict(Counter(label["condition"] for label in labels)),
        "licences": dict(Counter(picture["licence_id"] for picture in pictures)),
        "refused": dict(refused),
    }


async def _labels() -> list[dict[str, Any]]:
    from shared.cli.client import service

    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 100}
    async with service("ml_inference") as ml_inference:
        while True:
            page = await ml_inference.get("/validation/export", params=query)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]
