"""What stands on a sheet of ours, read from the PDF's own text operators."""

from __future__ import annotations

import re

SHOWN = re.compile(rb"\(((?:\\.|[^\\()])*)\)\s*Tj", re.DOTALL)
ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


def words_on(pdf: bytes) -> str:
    """Every text of the file in the order it is drawn, lines joined by spaces."""
    lines = (ESCAPED.sub(_letter, line).decode("cp1252") for line in SHOWN.findall(pdf))
    return re.sub(r"\s+", " ", " ".join(lines)).strip()


def pages_of(pdf: bytes) -> int:
    """How many pages the file has."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def _letter(found: re.Match[bytes]) -> bytes:
    code = found.group(1)
    return bytes([int(code, 8)]) if len(code) == 3 else code
