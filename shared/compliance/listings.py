"""What of a business directory's listing may be kept, and by which term the rest may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.compliance.policy import policy_at


@dataclass(frozen=True, slots=True)
class KeepingRule:
    """A directory's term: the fields that may be stored, and its own words for a roofer."""

    keep: frozenset[str]
    trades: frozenset[str]
    term: str

    def left_out(self, fields: Iterable[str]) -> tuple[str, ...]:
        """The fields that the term keeps out of our tables."""
        return tuple(sorted(set(fields) - self.keep))


def keeping_rule(directory: str, now: datetime) -> KeepingRule:
    """The rule of a directory; of one that nobody has reviewed nothing may be kept."""
    row = policy_at(now).listings["directories"].get(directory)
    if row is None:
        return KeepingRule(frozenset(), frozenset(), f"the terms of {directory} are not reviewed")
    return KeepingRule(frozenset(row["keep"]), frozenset(row["trades"]), row["term"])
