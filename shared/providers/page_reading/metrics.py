"""What reading pages counts."""

from __future__ import annotations

from prometheus_client import Counter

PAGES = Counter(
    "provider_pages_total", "Pages by the method that was tried and what came of it.", ["method", "outcome"]
)
