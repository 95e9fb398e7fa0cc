"""Why a search is not made, or a vendor gave no answer that a later try would change, in an operator's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

MEANINGS: Final = {
    "auth": "does not accept our key",
    "quota": "has no credits of ours left",
    "bad_answer": "answers in a form we do not know",
    "invalid": "refuses the question",
}


class Refusal(StrEnum):
    """Why nobody may be looked for."""

    COMPANY = "company"
    ERASED = "erased"
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    STATE_RULE = "state_rule"


REFUSAL_WORDS: Final[Mapping[Refusal, str]] = {
    Refusal.COMPANY: "the owner is a company",
    Refusal.ERASED: "the owner was erased",
    Refusal.OPTED_OUT: "the owner asked a vendor not to be processed",
    Refusal.SUPPRESSED: "the owner asked us not to be processed",
    Refusal.STATE_RULE: "the state's law keeps persons out",
}


def refusal_words(provider: str, reason: str | None, detail: str) -> str:
    """One sentence with the vendor's name, what its refusal means where that is known, and its own words."""
    if reason not in MEANINGS:
        return f"{provider}: {detail}" if provider else detail
    return f"{provider} {MEANINGS[reason]}: {detail}"


def law_against(state: str, laws: Mapping[str, Mapping[str, str]], filed: Collection[str]) -> str | None:
    """The law under which nobody is looked up in a state; None where it has none, or what lifts it is on file."""
    rule = laws.get(state)
    return None if rule is None or rule["lifted_by"] in filed else rule["law"]
