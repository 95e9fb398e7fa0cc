"""How an activation looks on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

COLOURS = {"done": "green", "running": "cyan", "waiting": "cyan", "dead": "red", "skipped": "yellow"}
TENTH = 10


def screen(report: Mapping[str, Any]) -> RenderableType:
    """The steps with their words, the properties with rate and time left, the leads and the cost."""
    table = Table(title=f"{report['city']}, {report['state']}: {report['status']}", title_justify="left")
    for column, justify in (("step", "left"), ("status", "left"), ("seconds", "right"), ("what", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for step in report["steps"]:
        colour = COLOURS.get(step["status"], "dim")
        seconds = "" if step["seconds"] is None else f"{step['seconds']:.1f}"
        table.add_row(step["name"], Text(step["status"], style=colour), seconds, step["words"])
    lines = [Text(line) for line in summary_lines(report)]
    return Group(table, *lines)


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """Properties, leads, cost, and what went wrong or is forbidden, one sentence each."""
    if not report["steps"]:
        return ["never activated"]
    lines = [properties_line(report), f"cost so far: {report['cost_usd']:.4f} USD"]
    leads = {name: number for name, number in sorted(report["leads"].items()) if number}
    if leads:
        lines.append(
            "leads: " + ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in leads.items())
        )
    if report.get("error"):
        lines.append(f"failed: {report['error']}")
    if report.get("restriction"):
        lines.append(f"{report['state']}: {report['restriction']}")
    return lines


def properties_line(report: Mapping[str, Any]) -> str:
    """Property workflows by state, with rate and time left where they are known."""
    counts = report["properties"]
    states = ", ".join(
        f"{counts[name]} {name}" for name in ("done", "running", "pending", "waiting", "failed")
    )
    rate, left = report["rate_per_minute"], report["eta_seconds"]
    pace = f"; {rate:g} a minute" if rate is not None else ""
    remaining = f", about {duration(left)} left" if left else ""
    return f"properties: {counts['total']}: {states}{pace}{remaining}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def changed_words(said: MutableMapping[str, str], report: Mapping[str, Any]) -> Iterator[str]:
    """The sentences that are new since the last call, for output that is no terminal; `said` remembers them."""
    for step in report["steps"]:
        if step["status"] in ("pending", "cancelled") or said.get(step["name"]) == step["words"]:
            continue
        if step["name"] == "properties" and said.get("properties") and step["status"] != "done":
            continue
        said[step["name"]] = step["words"]
        yield f"{step['name']}: {step['words']}"
    counts = report["properties"]
    tenth = str((counts["total"] - counts["pending"] - counts["running"]) * TENTH // max(counts["total"], 1))
    if counts["total"] and said.get("tenth") != tenth:
        said["tenth"] = tenth
        yield properties_line(report)
