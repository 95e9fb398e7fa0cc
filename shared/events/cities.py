"""What happens to cities."""

from __future__ import annotations

from uuid import UUID

from shared.events.base import Event


class CityActivated(Event):
    """An operator activated a city."""

    name = "city.activated"
    city_id: UUID
    workflow_id: UUID


class CityDeactivated(Event):
    """An operator stopped a city; its data stays."""

    name = "city.deactivated"
    city_id: UUID
