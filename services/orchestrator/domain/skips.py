"""Which parts of a property workflow a city's configuration leaves out, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PARTS: Final = ("assessor", "imagery", "contacts")


def skipped_parts(sources: Mapping[str, Any]) -> dict[str, str]:
    """Parts whose configuration is `{"skip": reason}`, with the reason in words."""
    found = {part: sources.get(part) for part in PARTS}
    return {
        part: str(config["skip"])
        for part, config in found.items()
        if isinstance(config, Mapping) and config.get("skip")
    }
