"""What a vendor must not forget when its process is killed: one line a change, read back at the start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Append-only file of (kind, key, value) lines; without a path it remembers nothing.

    Lines are handed to the system at once, so they outlive a killed process, which is all a sandbox needs.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, kind: str, key: str, value: Any) -> None:
        """Write a change."""
        if self._path is None:
            return
        line = json.dumps([kind, key, value], separators=(",", ":")) + "\n"
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode())

    def entries(self) -> Iterator[tuple[str, str, Any]]:
        """Changes in their order; a line cut short by a kill is left out."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            try:
                kind, key, value = json.loads(line)
            except ValueError:
                continue
            yield kind, key, value

    def clear(self) -> None:
        """Forget everything."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
