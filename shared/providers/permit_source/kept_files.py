"""Downloaded feeds kept on disk with what their host said of them, so that an unchanged one is not sent again."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import orjson

KEPT_BYTES: Final = 60_000_000
"""All kept files together; a pod's /tmp holds 256 MiB, and a download of up to 80 MB lies there twice beside them."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One version of a file: its content, open for reading, and the validators it came with."""

    content: BinaryIO
    etag: str
    last_modified: str

    def conditions(self) -> Mapping[str, str]:
        """Headers that ask for the file only where it changed; none where the host gave no validator."""
        given = {"if-none-match": self.etag, "if-modified-since": self.last_modified}
        return {name: value for name, value in given.items() if value}


class KeptFiles:
    """A folder with the last version of each URL; the oldest go when it grows too large."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"ridgeline-feeds-{os.getuid()}"

    def find(self, url: str) -> KeptFile | None:
        """The version kept of a URL, or None."""
        path = self._path(url)
        try:
            said = orjson.loads(path.with_suffix(".json").read_bytes())
            return KeptFile(path.open("rb"), said["etag"], said["last_modified"])
        except (OSError, ValueError, KeyError):
            return None

    def new(self) -> BinaryIO:
        """An empty file to download into; it vanishes unless it is kept."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder)

    def keep(self, url: str, content: BinaryIO, headers: Mapping[str, str]) -> None:
        """Keep a download as the version of its URL."""
        said = {"etag": headers.get("etag", ""), "last_modified": headers.get("last-modified", "")}
        path = self._path(url)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as copy:
            content.seek(0)
            while block := content.read(1 << 20):
                copy.write(block)
        # The old validators go first: a crash in between costs a download, never a wrong "unchanged".
        path.with_suffix(".json").unlink(missing_ok=True)
        Path(copy.name).replace(path)
        path.with_suffix(".json").write_bytes(orjson.dumps(said))
        self._make_room(path)

    def forget(self, url: str) -> None:
        """Drop the version kept of a URL: a cut download carries the validators of the whole file."""
        _remove(self._path(url))

    def _make_room(self, newest: Path) -> None:
        files = sorted(self._folder.glob("*.feed"), key=lambda path: path.stat().st_mtime, reverse=True)
        held = 0
        for path in files:
            held += path.stat().st_size
            if held > KEPT_BYTES and path != newest:
                _remove(path)

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.feed"


def _remove(path: Path) -> None:
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)
