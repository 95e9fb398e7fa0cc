"""Whether a value stands on a page: what a model says and the page does not is invented and dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

_WORDS: Final = re.compile(r"[\s|]+")
_NUMBER: Final = re.compile(r"(?<![\w./-])\$?\d[\d,]*(?:\.\d+)?(?![\w/]|-\d)")
_DAYS: Final = (
    (re.compile(r"\b\d{1,2}/\d{1,2}/\d{4}\b"), "%m/%d/%Y"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}\b"), "%Y-%m-%d"),
    (re.compile(r"\b\d{1,2}-[A-Za-z]{3}-\d{4}\b"), "%d-%b-%Y"),
    (re.compile(r"\b[A-Za-z]{3} \d{1,2}, \d{4}\b"), "%b %d, %Y"),
    (re.compile(r"\b[A-Za-z]{4,9} \d{1,2}, \d{4}\b"), "%B %d, %Y"),
)
_ORDERS: Final = re.compile(
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instruction|prompt|previous|prior|above|rule)s?\b"
    r"|\bsystem (prompt|message)\b|\byou are (now|an?)\b.{0,40}\b(assistant|model|ai|admin)"
    r"|<\|?(im_start|system|endoftext)"
    r"|\bset (the )?\w{0,20} ?(score|price|grade|value|field|status|owner)\b.{0,30}\b(to|=|\d)"
    r"|\b(send|e-?mail|forward|post)\b.{0,20}\b(this|these|it|them|all|the (data|records?))\b.{0,20}\bto\b"
    r"|\b(respond|reply|answer|output|return) (only )?with\b|\bjson\b.{0,30}\b(schema|field|key)s?\b",
    re.IGNORECASE,
)


def without_orders(text: str) -> str:
    """A page's text without lines that talk to a model: neither the model nor the grounding sees them."""
    return "\n".join(line for line in text.split("\n") if not _ORDERS.search(line))


class PageText:
    """A text that is asked for values."""

    def __init__(self, text: str) -> None:
        self._text = text

    def holds(self, value: str) -> bool:
        """True where the value stands there as it is, or as the same number or day."""
        folded = _fold(value)
        if not folded:
            return False
        if (number := _number(value)) is not None:
            return number in self._numbers
        if (day := _day(value)) is not None and day in self._days:
            return True
        return len(folded) > 1 and re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", self._folded) is not None

    @cached_property
    def _folded(self) -> str:
        return _fold(self._text)

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        return frozenset(_decimal(match.group()) for match in _NUMBER.finditer(self._text))

    @cached_property
    def _days(self) -> frozenset[date]:
        return frozenset(_days(self._text))


def _fold(text: str) -> str:
    return _WORDS.sub(" ", text).strip().casefold()


def _number(text: str) -> Decimal | None:
    match = _NUMBER.fullmatch(text.strip())
    return _decimal(match.group()) if match else None


def _decimal(text: str) -> Decimal:
    return Decimal(text.lstrip("$").replace(",", ""))


def _day(text: str) -> date | None:
    """The day that the whole text is; one beside other words vouches for none of them."""
    text = text.strip()
    is_whole = any(pattern.fullmatch(text) for pattern, _ in _DAYS)
    return next(_days(text), None) if is_whole else None


def _days(text: str) -> Iterator[date]:
    for pattern, form in _DAYS:
        for match in pattern.finditer(text):
            try:
                yield datetime.strptime(match.group(), form).date()  # noqa: DTZ007 - a calendar day has no zone
            except ValueError:
                continue
