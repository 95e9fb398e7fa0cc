"""Every event of the platform; importing this package registers them all."""

from shared.events import cities, leads, permits, privacy
from shared.events.base import Event, all_events, event_type

__all__ = ["Event", "all_events", "cities", "event_type", "leads", "permits", "privacy"]
