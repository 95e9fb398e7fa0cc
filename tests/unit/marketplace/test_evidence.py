"""What a file of evidence is by its own bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.domain.evidence import EvidenceRefused, sniff
from shared.errors import TooLarge

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20) + b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"


@pytest.mark.parametrize(
    ("body", "media_type", "suffix"),
    [(PDF, "application/pdf", "pdf"), (PNG, "image/png", "png"), (JPEG, "image/jpeg", "jpg")],
)
def test_a_whole_file_is_known_by_its_content(body: bytes, media_type: str, suffix: str) -> None:
    kind = sniff(body, max_bytes=len(body))
    assert (kind.media_type, kind.suffix) == (media_type, suffix)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script></html>", "neither PDF nor PNG nor JPEG"),
        (b"MZ\x90\x00" + PDF, "neither PDF nor PNG nor JPEG"),
        (b" " + PNG, "neither PDF nor PNG nor JPEG"),
        (PDF[:12], "its end is missing"),
        (PNG[:20], "its end is missing"),
        (JPEG[:-1], "its end is missing"),
        (PDF + bytes(2000), "its end is missing"),
    ],
)
def test_a_refused_file_is_told_why(body: bytes, reason: str) -> None:
    with pytest.raises(EvidenceRefused, match=reason):
        sniff(body, max_bytes=10_000)


def test_one_byte_over_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge, match="evidence may have"):
        sniff(PDF, max_bytes=len(PDF) - 1)


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(body: bytes) -> None:
    with suppress(EvidenceRefused):
        assert sniff(body, max_bytes=200).begins == body[: len(sniff(body, max_bytes=200).begins)]
