"""The national do-not-call registry's files, and whether a number may be offered (compliance.md PH-5, HO-2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_ROW: Final = re.compile(r"(\d{3}),(\d{7})(?:,(\d{4}-\d{2}-\d{2}),([AD]))?")


class FileKind(StrEnum):
    """A full list replaces what was known of its area codes, a change list brings it forward."""

    FULL = "full"
    CHANGE = "change"


class DncStatus(StrEnum):
    """What the registry says of a number; only `clear` may be offered."""

    CLEAR = "clear"
    LISTED = "listed"
    STALE = "stale"
    NO_SUBSCRIPTION = "no_subscription"


class NotTheRegistry(ValueError):
    """A line that no file of the registry has."""


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One line: a number listed, or in a change list also one taken off."""

    area_code: str
    local: str
    kind: FileKind
    listed: bool

    @property
    def number(self) -> str:
        """The number in E.164."""
        return f"+1{self.area_code}{self.local}"


def read_registry(lines: Iterable[str]) -> Iterator[RegistryRow]:
    """The rows of a file, told by their columns; NotTheRegistry at the first line of another form or kind."""
    kind: FileKind | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _ROW.fullmatch(line.strip())
        own = FileKind.CHANGE if match and match[4] else FileKind.FULL
        if match is None or (kind or own) is not own:
            raise NotTheRegistry(f"line {number} is not one of a registry file")
        kind = own
        yield RegistryRow(match[1], match[2], own, listed=match[4] != "D")


def dnc_status(
    *, listed: bool, registry_version_at: datetime | None, now: datetime, max_days: int
) -> DncStatus:
    """What may be said of a number by the newest import that covers its area code; a listing goes before all."""
    if listed:
        return DncStatus.LISTED
    if registry_version_at is None:
        return DncStatus.NO_SUBSCRIPTION
    return DncStatus.STALE if registry_version_at < now - timedelta(days=max_days) else DncStatus.CLEAR
