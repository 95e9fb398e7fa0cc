"""A text before it is sent, and what it costs in segments."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Final

import orjson

ONE_SEGMENT: Final = 160
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
"""Of GSM 03.38's extension table: each takes two places."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """What is texted, and to which number in E.164."""

    recipient: str
    text: str

    def content_hash(self) -> str:
        """SHA-256 of what the reader gets to see; a decision is made for exactly this."""
        return hashlib.sha256(orjson.dumps([self.text])).hexdigest()


def gsm_length(text: str) -> int | None:
    """Places that a text takes in GSM 03.38; None where one of its characters makes it UCS-2."""
    if not all(character in _BASIC or character in _EXTENDED for character in text):
        return None
    return sum(2 if character in _EXTENDED else 1 for character in text)


def segments(text: str) -> int:
    """How many messages carriers count a text as: 160 or 153 places of GSM, 70 or 67 of UCS-2."""
    length = gsm_length(text)
    if length is not None:
        return 1 if length <= ONE_SEGMENT else math.ceil(length / 153)
    units = len(text.encode("utf-16-be")) // 2
    return 1 if units <= 70 else math.ceil(units / 67)


def fits_one_segment(text: str) -> bool:
    """Whether a text goes as one message of at most 160 GSM characters."""
    length = gsm_length(text)
    return length is not None and length <= ONE_SEGMENT
