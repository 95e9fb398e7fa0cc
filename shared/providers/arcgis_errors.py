"""What an ArcGIS server refuses inside an answer that says HTTP 200 (PITFALLS 21)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.providers.outcomes import Outcome, Verdict

OUTCOMES: Final[Mapping[int, Outcome]] = {
    429: Outcome.RETRYABLE,
    498: Outcome.AUTH,
    499: Outcome.AUTH,
    500: Outcome.RETRYABLE,
    503: Outcome.RETRYABLE,
    504: Outcome.RETRYABLE,
}


def refusal(error: Mapping[str, Any]) -> Verdict:
    """The verdict on an answer whose body is this error; a code we do not know is our mistake."""
    code = int(error.get("code") or 0)
    message = f"error {code} inside 200: {str(error.get('message', ''))[:200]}"
    return Verdict(OUTCOMES.get(code, Outcome.INVALID), message=message, status=code)
