"""How the town's public offices read an address: words to parcels, tolerant of spelling, not of guessing."""

from __future__ import annotations

import re
from collections import defaultdict

from shared.sandbox.datasets import LONG_WORDS
from shared.sandbox.state import Sandbox
from shared.sandbox.town import Place, Town

SHORT_WORDS = {long: short for short, long in LONG_WORDS.items()}
UNIT_WORDS = frozenset({"APT", "UNIT", "STE", "SUITE", "#"})
STATES = frozenset({"TX", "FL", "OH", "CO", "AZ"})
_WORD = re.compile(r"#|[A-Z0-9'/-]+")

Key = tuple[str, ...]


def words_of(text: str) -> list[str]:
    """Upper-case words of an address with long forms shortened."""
    cleaned = text.upper().replace(",", " ").replace(".", " ")
    return [SHORT_WORDS.get(word, word) for word in _WORD.findall(cleaned)]


def split_unit(words: list[str]) -> tuple[list[str], str]:
    """(words without the unit, the unit or an empty text)."""
    for place, word in enumerate(words):
        if word in UNIT_WORDS and place + 1 < len(words):
            return words[:place] + words[place + 2 :], words[place + 1].lstrip("#")
    return words, ""


class AddressIndex:
    """Parcels of one town by street words and unit."""

    def __init__(self, town: Town) -> None:
        self._city = town.place.city.upper()
        self._by_street: dict[Key, list[int]] = defaultdict(list)
        self._units: dict[int, str] = {}
        for parcel in range(town.parcels):
            words, unit = split_unit(words_of(town.layout.address(parcel).street_line))
            self._by_street[tuple(words)].append(parcel)
            self._units[parcel] = unit

    def search(self, text: str) -> list[int]:
        """Parcels at that address: all units of the building when none is named."""
        words, unit = split_unit(self._street_words(words_of(text)))
        hits = self._by_street.get(tuple(words), [])
        return [hit for hit in hits if not unit or self._units[hit] == unit]

    def search_loosely(self, text: str) -> list[int]:
        """Parcels whose address has these words in this order, though others may be missing from the text."""
        words, _ = split_unit(self._street_words(words_of(text)))
        if len(words) < 2:
            return []
        return [
            parcel
            for key, parcels in self._by_street.items()
            if key[0] == words[0] and _holds_in_order(key, words)
            for parcel in parcels
        ]

    def _street_words(self, words: list[str]) -> list[str]:
        """The words in front of the city, state and ZIP code."""
        if words and re.fullmatch(r"\d{5}(-\d{4})?", words[-1]) and len(words) > 1:
            words = words[:-1]
        if words and words[-1] in STATES:
            words = words[:-1]
        return words[:-1] if words and words[-1] == self._city else words


def _holds_in_order(key: Key, words: list[str]) -> bool:
    rest = iter(key)
    return all(word in rest for word in words)


def index_of(sandbox: Sandbox, place: Place) -> AddressIndex:
    """Address index of a town, built once."""
    return sandbox.towns.derived("addresses", place, AddressIndex)
