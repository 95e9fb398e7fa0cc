"""An owner's name as a county writes it, and as its bearer says it."""

from __future__ import annotations

import re
from typing import Final

_TITLES: Final = frozenset({"JR", "SR", "II", "III", "IV", "TRUSTEE", "TR", "ETAL", "ETUX", "ET", "AL", "UX"})
_TRUST: Final = re.compile(r"\b(REVOCABLE|LIVING|FAMILY|IRREVOCABLE)?\s*TRUST\b.*$")


def given_and_family(owner: str) -> tuple[str, str]:
    """The first owner's given and family name: counties write LAST FIRST MIDDLE & PARTNER, or LAST, FIRST.

    Both are empty where the name has fewer than two words.
    """
    first = re.split(r"\s*(?:&|;|/|\bAND\b)\s*", owner.upper(), maxsplit=1)[0]
    words = [word for word in _TRUST.sub("", first).replace(",", " ").split() if word not in _TITLES]
    if len(words) < 2:
        return "", ""
    return words[1], words[0]
