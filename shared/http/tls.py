"""Whose certificates are believed."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def known_authorities() -> ssl.SSLContext:
    """The context of every client in this process; reading the list of authorities anew costs 25 ms each time."""
    return httpx.create_ssl_context(trust_env=False)
