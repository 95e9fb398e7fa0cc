"""Bracketed form bodies: `metadata[lead_id]=1&expand[]=charge` to nested values, strictly."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\[\]]*)\]")


class FormError(Exception):
    """A name that cannot be read; the argument says which."""


def parse_form(body: bytes) -> dict[str, Any]:
    """Nested dictionaries, and lists where the index is empty or a number."""
    answer: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode("utf-8"), keep_blank_values=True):
        head, _, tail = name.partition("[")
        path = [head, *_PART.findall(f"[{tail}")] if tail else [head]
        if not head or (tail and not tail.endswith("]")):
            raise FormError(name)
        _put(answer, path, value)
    return {key: _listed(value) for key, value in answer.items()}


def _put(target: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise FormError(part)
        target = inner
    last = path[-1] or str(len(target))
    target[last] = value


def _listed(value: Any) -> Any:
    """Dictionaries whose keys count from zero become lists."""
    if not isinstance(value, dict):
        return value
    items = {key: _listed(item) for key, item in value.items()}
    return list(items.values()) if list(items) == [str(n) for n in range(len(items))] and items else items
