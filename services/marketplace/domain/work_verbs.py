"""What an operator may do to a workflow, by how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.schemas.workflow_enums import WorkflowStatus

STOPPED: Final = frozenset({WorkflowStatus.FAILED, WorkflowStatus.CANCELLED})


class Verb(StrEnum):
    """What is done to a workflow."""

    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class VerbWords:
    """A verb as a person reads it, and what it brings about."""

    title: str
    meaning: str


WORDS: Final = {
    Verb.RETRY: VerbWords(
        "Run the stopped steps again", "Steps that ended are kept; its dead letters are closed."
    ),
    Verb.PAUSE: VerbWords("Pause", "Steps that run come to their end; no new one begins."),
    Verb.RESUME: VerbWords("Go on", "Steps that are due begin again."),
    Verb.CANCEL: VerbWords("Cancel", "What is done stays; what has not begun is not done."),
}


def verbs_for(status: str, *, paused: bool) -> list[Verb]:
    """The verbs that make sense for a workflow; none for one that is done."""
    if status in STOPPED:
        return [Verb.RETRY]
    if WorkflowStatus(status).live():
        return [Verb.RESUME if paused else Verb.PAUSE, Verb.CANCEL]
    return []
