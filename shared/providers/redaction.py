"""Request parameters as they may be kept: secrets and personal data blanked by name (PITFALLS 32)."""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
_LONGEST_VALUE = 500
_SECRET = re.compile(
    r"(^|[_\-$\[.])(key|api_?key|app_?token|token|access_?token|signature|sig|secret|client_?secret|password|"
    r"authorization|auth|cookie|hapikey)($|[_\-\].])",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"(name|company|e-?mail|phone|address|street|owner|linkedin|recipient|subject|content|birth|^(q|ff|a1|id|apn)$)",
    re.IGNORECASE,
)


def redact(params: Iterable[tuple[str, object]]) -> dict[str, object]:
    """The parameters with secrets and personal data blanked; long values are cut."""
    return {name: _kept(name, value) for name, value in params}


def _kept(name: str, value: object) -> object:
    if _SECRET.search(name) or _PERSONAL.search(name):
        return REDACTED
    if isinstance(value, bool | int | float) or value is None:
        return value
    return str(value)[:_LONGEST_VALUE]
