"""Fetch decisions without a registry: by the facts alone, and a gate that lets everything through."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from shared.compliance.fetch import FetchSnapshot, can_fetch
from shared.http.client import FetchFacts, FetchVerdict


async def decide_fetch(facts: FetchFacts) -> FetchVerdict:
    """`can_fetch` over what the fetcher found out; nothing is stored."""
    return can_fetch(FetchSnapshot(**asdict(facts)), datetime.now(UTC))


class OpenGate:
    """Admits every source."""

    async def admit(self, source_key: str) -> None:
        """Return."""
