"""What a JSON body may hold: texts the database can store, numbers of 64 bit, and no bottomless nesting."""

from __future__ import annotations

import math
import re
from email.message import Message
from json import JSONDecodeError
from typing import Any

from starlette.requests import Request

from shared.errors import InvalidInput

MAX_DEPTH = 64
MAX_INTEGER = 2**63
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


async def refuse_unstorable_json(request: Request) -> None:
    """Raise InvalidInput for a JSON body with a value that no table and no answer could hold."""
    if not _is_json(request.headers.get("content-type", "")) or not await request.body():
        return
    try:
        body = await request.json()
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):
        # A route that reads JSON has refused it already; one that wants raw bytes judges them itself.
        return
    fault = unstorable(body)
    if fault is not None:
        raise InvalidInput(f"The body holds {fault}.")


def unstorable(value: Any) -> str | None:
    """What of a JSON value cannot be stored, in words; None when all of it can."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return f"values nested deeper than {MAX_DEPTH} levels"
        inside: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inside += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                inside += item
            elif fault := _fault_of(item):
                return fault
        level = inside
    return None


def _fault_of(item: Any) -> str | None:
    if isinstance(item, str):
        if _FORBIDDEN.search(item):
            return "a text with a forbidden character"
    elif isinstance(item, int):
        if not -MAX_INTEGER <= item < MAX_INTEGER:
            return "a number over 64 bit"
    elif isinstance(item, float) and not math.isfinite(item):
        return "a number that is none"
    return None


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    return message.get_content_maintype() == "application" and (
        message.get_content_subtype() == "json" or message.get_content_subtype().endswith("+json")
    )
