"""Kinds of property, from the words and codes of assessors."""

from __future__ import annotations

import re
from functools import lru_cache

PROPERTY_TYPE_WORDS: tuple[tuple[str, str], ...] = (
    (r"\bVACANT\b|\bUNIMPROVED\b", "vacant"),
    (r"\bMOBILE\b|\bMANUFACTURED\b|\bTRAILER\b", "mobile_home"),
    (r"\bCONDO", "condo"),
    (r"\bTOWN ?(?:HOUSE|HOME)|\bROW ?HOUSE", "townhouse"),
    (r"\bAPARTMENT|\bMULTI-?PLEX|\b(?:5|FIVE)\+? (?:OR MORE )?UNITS", "apartments"),
    (r"\bDUPLEX|\bTRIPLEX|\bFOURPLEX|\bTWO FAMILY|\b2 FAMILY", "duplex"),
    (r"\bMULTI-? ?FAMILY", "multi_family"),
    (r"\bINDUSTRIAL|\bWAREHOUSE|\bMANUFACTURING", "industrial"),
    (r"\bCOMMERCIAL|\bRETAIL|\bOFFICE|\bSTORE|\bHOTEL|\bRESTAURANT|\bCHURCH|\bSCHOOL", "commercial"),
    (r"\bSINGLE|\bSFR\b|\bONE FAMILY|\b1 FAMILY|\bRESIDEN|\bDWELLING", "single_family"),
)
PATTERNS = tuple((re.compile(words), kind) for words, kind in PROPERTY_TYPE_WORDS)


@lru_cache(maxsize=4096)
def property_type_of(use: str | None) -> str | None:
    """Our kind of a property by its use in words, or None when they say nothing."""
    text = (use or "").upper()
    return next((kind for pattern, kind in PATTERNS if pattern.search(text)), None)
