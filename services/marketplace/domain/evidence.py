"""What a file of evidence is by its own bytes; the name and the kind its sender gives are not believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import InvalidInput, TooLarge


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: how it begins, and what stands near its end if nothing was cut off."""

    media_type: str
    suffix: str
    begins: bytes
    ends: bytes


KINDS: Final = (
    FileKind("application/pdf", "pdf", b"%PDF-", b"%%EOF"),
    FileKind("image/png", "png", b"\x89PNG\r\n\x1a\n", b"IEND"),
    FileKind("image/jpeg", "jpg", b"\xff\xd8\xff", b"\xff\xd9"),
)
TAIL: Final = 1024


class EvidenceRefused(InvalidInput):
    """A file that we do not take as evidence; the words say why."""

    code = "evidence-refused"


def sniff(body: bytes, *, max_bytes: int) -> FileKind:
    """The kind of a whole file; EvidenceRefused or TooLarge says why it is not taken."""
    if not body:
        raise EvidenceRefused("file: it is empty.")
    if len(body) > max_bytes:
        raise TooLarge(f"file: it has {len(body)} bytes; evidence may have {max_bytes}.", max_bytes=max_bytes)
    for kind in KINDS:
        if body.startswith(kind.begins):
            if kind.ends not in body[-TAIL:]:
                raise EvidenceRefused(f"file: it begins as {kind.media_type} but its end is missing.")
            return kind
    raise EvidenceRefused("file: its content is neither PDF nor PNG nor JPEG, whatever its name says.")
