"""May we read this address (compliance.md 10, FE-1 to FE-4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.compliance.decision import Decision, decide
from shared.compliance.policy import policy_at
from shared.compliance.reasons import Reason

Terms = Literal["allowed", "prohibited", "unknown"]


@dataclass(frozen=True, slots=True)
class FetchSnapshot:
    """What is known about one address of one source; `robots_status` None means no answer at all.

    robots.txt speaks of pages: a documented data interface is asked for by its terms alone (FE-4, FE-5), and a
    source that its terms close is not even asked for its rules. Neither has `robots_asked`.
    """

    robots_status: int | None
    robots_allows: bool
    auth_required: bool
    tos: Terms
    enabled: bool
    source: str = ""
    robots_asked: bool = True


def can_fetch(snapshot: FetchSnapshot, now: datetime) -> Decision:
    """Allow only where robots.txt, the terms and the operator all agree."""
    return decide(
        "fetch",
        snapshot,
        now=now,
        policy=policy_at(now),
        reasons=_reasons(snapshot),
        evidence={
            "source": snapshot.source,
            "robots_asked": snapshot.robots_asked,
            "robots_status": snapshot.robots_status,
            "tos": snapshot.tos,
        },
    )


def _reasons(snapshot: FetchSnapshot) -> Iterator[Reason]:
    if snapshot.robots_asked:
        yield from _robots_reasons(snapshot)
    if snapshot.auth_required:
        yield Reason.AUTH_REQUIRED
    if snapshot.tos == "prohibited":
        yield Reason.SOURCE_TOS_PROHIBITED
    elif snapshot.tos != "allowed":
        yield Reason.SOURCE_TOS_UNKNOWN
    if not snapshot.enabled:
        yield Reason.SOURCE_DISABLED


def _robots_reasons(snapshot: FetchSnapshot) -> Iterator[Reason]:
    status = snapshot.robots_status
    # RFC 9309: 4xx means there are no rules; no answer, 5xx or a redirect without end means a full disallow.
    if status is None or not (200 <= status < 300 or 400 <= status < 500):
        yield Reason.ROBOTS_UNREACHABLE
    elif status < 300 and not snapshot.robots_allows:
        yield Reason.ROBOTS_DISALLOW
