"""One digest for "is this the same request?"."""

from __future__ import annotations

import hashlib

import orjson


def request_hash(request: object) -> str:
    """SHA-256 of a request's canonical JSON: the order of keys does not matter."""
    canonical = orjson.dumps(request, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(canonical).hexdigest()
