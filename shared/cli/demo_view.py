"""How a demo run looks on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.activate_view import duration
from shared.cli.leads import leads_table
from shared.cli.truth import truth_table
from shared.settings import SANDBOX_PORT_OFFSET, SERVICE_PORTS, Settings

REVEALED = (
    "address",
    "owner_name",
    "mailing_address",
    "owner_email",
    "owner_phone",
    "grade",
    "quality_score",
    "confidence",
    "publish_label",
)


def show_demo(console: Console, document: Mapping[str, Any], shown: Mapping[str, Any], file: Path) -> None:
    """Print leads, purchase, quality, figures, addresses and how to stop."""
    console.print(leads_table(shown["leads"], title="the best leads on sale before the purchase"))
    console.print(_purchase(shown["bought"]))
    console.print(truth_table(shown["quality"]))
    for line in [
        *_figures(document),
        *_addresses(),
        *_pages(shown),
        f"figures: {file}",
        "stop with: .venv/bin/ridgeline down",
    ]:
        console.print(line, highlight=False, soft_wrap=True)


def _purchase(bought: Any) -> Table:
    """What the buyer sees after paying, and where each fact comes from."""
    table = Table(title=f"sold to {bought.company} for {bought.price} USD", title_justify="left")
    for column in ("what", "value", "source, date, confidence"):
        table.add_column(column)
    sources = {row["field"]: row for row in bought.lead.get("provenance", ())}
    for name in REVEALED:
        value = bought.lead.get(name)
        masked = ", ".join(bought.lead.get("masked", {}).get(name, ()))
        shown = f"kept back: {masked}" if masked else str(value or "unknown").replace("_", " ")
        table.add_row(name.replace("_", " "), Text(shown), _source(sources.get(name)))
    return table


def _source(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    confidence = "" if row["confidence"] is None else f", {row['confidence']:.2f}"
    return f"{row['source']}, {str(row['fetched_at'])[:10]}{confidence}"


def _figures(document: Mapping[str, Any]) -> Iterator[str]:
    from shared.cli.demo_facts import faults

    leads, seconds = document["leads"], document["seconds"]
    proven = ", ".join(f"{grade} {leads[grade]}" for grade in "ABCD")
    yield (
        f"leads proven without a look on site: {proven}; on sale to be checked on site: {leads['onsite_check']};"
        f" waiting for a reviewer: {leads['review']}"
    )
    yield (
        ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
        + f"; {document['pss_mb']} MB"
    )
    for words in faults(dict(document)):
        yield f"NOT AS IT MUST BE: {words}"


def _addresses() -> Iterator[str]:
    """Where the parts answer."""
    settings = Settings()
    for name in ("marketplace", "orchestrator"):
        if name in SERVICE_PORTS:
            yield f"{name}: {settings.service_url(name)}"
    yield f"sandbox: {settings.sandbox_url or f'http://127.0.0.1:{settings.port_base + SANDBOX_PORT_OFFSET}'}"


def _pages(shown: Mapping[str, Any]) -> Iterator[str]:
    """Where the sold lead and the roofs that wait are looked at, and by whom."""
    door = Settings().service_url("marketplace")
    email, password = shown["operator"]
    yield f"the sold lead's sheet: {shown['sheet']}"
    yield f"the sold lead's page: {door}/ops/leads/{shown['bought'].lead_id}"
    yield f"roofs that wait for a reviewer: {door}/review"
    yield f"log in as {email} with {password}"
    buyer, word = shown["bought"].login
    yield f"the same lead as its buyer sees it: {door}/my/leads; log in as {buyer} with {word}"
