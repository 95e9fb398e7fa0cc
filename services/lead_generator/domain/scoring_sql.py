"""Tables of the scoring rules as SQL text over a column that the repository chose; it never holds a value."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from services.lead_generator.domain.scoring import Band


def band_case(bands: tuple[Band, ...], column: str) -> str:
    """Points of a band table; NULL gives 0, as every comparison with it fails."""
    whens = (
        f"WHEN {column} {'>' if band.strictly else '>='} {band.floor} THEN {band.points}" for band in bands
    )
    return f"CASE {' '.join(whens)} ELSE 0 END"


def choices_case(column: str, rows: Iterable[tuple[str, int | Decimal]], otherwise: int | Decimal = 0) -> str:
    """A number for each text a column may hold, else `otherwise`."""
    whens = " ".join(f"WHEN '{value}' THEN {result}" for value, result in rows)
    return f"CASE {column} {whens} ELSE {otherwise} END"
