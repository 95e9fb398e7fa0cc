"""Who may read a process's metrics without a user's token, and their text."""

from __future__ import annotations

import hmac

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr

__all__ = ["CONTENT_TYPE_LATEST", "generate_latest", "is_scraper"]


def is_scraper(authorization: str | None, token: SecretStr) -> bool:
    """Whether a request's Authorization header carries the scraper's token; never while none is set."""
    expected = token.get_secret_value()
    given = (authorization or "").removeprefix("Bearer ").strip()
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
