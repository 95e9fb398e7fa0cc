"""What a contractor's people must not say at the door of a bought lead, by state.

Everywhere: a deductible is paid by the policy's holder (Texas Insurance Code 707; Florida Statutes 489.147), and whoever
interprets a policy or negotiates a claim without a licence adjusts without one (Texas Insurance Code 4102; Florida
Statutes 626.854). Florida Statutes 489.147 also forbids a gift for an inspection or a claim and wants three statements
beside every message that urges a claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EVERYWHERE: Final = (
    "Not: that you waive, absorb or pay back the deductible.",
    'Not: "free roof", or that the insurance will pay.',
    "Not: what the policy covers, or that you deal with the insurer for the owner.",
    "Not: that there is damage, before somebody has looked on site.",
)
BY_STATE: Final[Mapping[str, tuple[str, ...]]] = {
    "FL": (
        "Florida: no gift for an inspection or a claim, and no urging to claim without the three statements of 489.147.",
    ),
}


def do_not_say(state: str) -> tuple[str, ...]:
    """The sentences to avoid at a house of this state."""
    return (*EVERYWHERE, *BY_STATE.get(state, ()))
