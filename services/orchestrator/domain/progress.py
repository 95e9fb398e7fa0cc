"""A city's progress in words an operator can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

STEP_WORDS: dict[str, str] = {
    "source_check": "checking the sources",
    "permits": "reading permits",
    "parcels": "reading parcels",
    "geocode": "placing houses without coordinates",
    "storms": "reading storms",
    "prospecting": "choosing prospects",
    "properties": "working through properties",
}

# Which states restrict what may be sold, in the operator's words (domain rules PR-5 to PR-8 of the compliance page).
STATE_RESTRICTIONS: dict[str, str] = {
    "KS": "owner names from public records may not be sold (K.S.A. 45-230)",
    "SC": "personal data from public records may not be used to solicit (SC 30-2-50)",
    "AZ": "a commercial-purpose statement must be on file (A.R.S. 39-121.03)",
    "WA": "lists of individuals may not be used commercially (AGO 1998 No. 2)",
    "NJ": "protected persons' addresses may not be disclosed (Daniel's Law)",
    "CA": "data broker registration and deletion requests apply (Delete Act)",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a city workflow as it stands."""

    name: str
    status: str
    attempt: int
    output: Mapping[str, Any]
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How the property workflows of a city stand."""

    pending: int = 0
    running: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All property workflows."""
        return self.pending + self.running + self.waiting + self.done + self.failed + self.cancelled

    @property
    def ended(self) -> int:
        """Those that need no machine any more."""
        return self.total - self.pending - self.running


def step_sentence(step: StepView) -> str:
    """What a step does or did, in one sentence."""
    doing = STEP_WORDS.get(step.name, step.name.replace("_", " "))
    counts = ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in step.output.items()
        if isinstance(value, int) and not isinstance(value, bool)
    )
    tail = f": {counts}" if counts else ""
    if step.status in ("done", "skipped") and step.reason:
        return f"{doing} was skipped: {step.reason}"
    if step.status == "dead":
        return f"{doing} failed: {step.reason}"
    if step.status == "ready" and step.reason:
        return f"{doing} will be tried again (attempt {step.attempt + 1}): {step.reason}"
    words = {"done": "done", "running": "under way", "waiting": "under way", "ready": "about to start"}
    return f"{doing} {words.get(step.status, 'has not started')}{tail}"


def rate_per_minute(children: ChildCounts, elapsed_seconds: float) -> float | None:
    """Properties ended per minute since the first one began; None before the first end."""
    if elapsed_seconds <= 0 or children.ended == 0:
        return None
    return round(children.ended * 60 / elapsed_seconds, 1)


def eta_seconds(children: ChildCounts, elapsed_seconds: float) -> int | None:
    """Seconds until no property is pending or running, at the present rate; None while unknown."""
    if children.ended == 0 or elapsed_seconds <= 0:
        return None
    return round((children.pending + children.running) * elapsed_seconds / children.ended)


def restriction(state: str) -> str | None:
    """What a state forbids, or None."""
    return STATE_RESTRICTIONS.get(state)
