"""How sure we are of a found address."""

from __future__ import annotations

from typing import Final

# A verifier's word outweighs the finder's guess; what it calls undeliverable is not kept at all.
VERIFIED_FLOOR: Final = 90
UNVERIFIED_CEILING: Final = 70
KEPT_STATUSES: Final = frozenset({"valid", "catch_all", "unknown"})


def is_kept(status: str) -> bool:
    """Whether an address with this verdict may be stored at all."""
    return status in KEPT_STATUSES


def confidence_of(finder_confidence: int, status: str) -> int:
    """0 to 100: at least 90 when verified, at most 70 when nobody could tell."""
    bounded = max(0, min(100, finder_confidence))
    return max(VERIFIED_FLOOR, bounded) if status == "valid" else min(UNVERIFIED_CEILING, bounded)
