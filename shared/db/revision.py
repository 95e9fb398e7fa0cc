"""Which schema this code needs; apart from the migrations, so that a service starts without their tools."""

from __future__ import annotations

from typing import Final

REQUIRED_REVISION: Final = "0054"
"""The oldest schema this code runs on; a newer one is tolerated (expand before contract)."""


def required_revision() -> str:
    """The oldest revision this code runs on."""
    return REQUIRED_REVISION
