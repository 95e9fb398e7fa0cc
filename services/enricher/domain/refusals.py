"""Why a vendor gave no answer that a later try would change, in an operator's words."""

from __future__ import annotations

from typing import Final

MEANINGS: Final = {
    "auth": "does not accept our key",
    "quota": "has no credits of ours left",
    "bad_answer": "answers in a form we do not know",
    "invalid": "refuses the question",
}


def refusal_words(provider: str, reason: str | None, detail: str) -> str:
    """One sentence with the vendor's name, what its refusal means where that is known, and its own words."""
    if reason not in MEANINGS:
        return f"{provider}: {detail}" if provider else detail
    return f"{provider} {MEANINGS[reason]}: {detail}"
