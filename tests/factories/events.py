"""An event of the tests' own."""

from __future__ import annotations

from uuid import UUID

from shared.events.base import Event


class TestedEvent(Event):
    """Something happened in a test."""

    __test__ = False
    name = "tested.happened"
    subject_id: UUID
    word: str = ""
