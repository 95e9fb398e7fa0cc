"""What happens to the weather."""

from __future__ import annotations

from uuid import UUID

from shared.events.base import Event


class StormReported(Event):
    """Reports of a storm that we had not heard of were stored near an active city."""

    name = "storm.reported"
    city_id: UUID
    reports: int
