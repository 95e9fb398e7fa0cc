"""AI calling: the process and its platform routes; voice calls, transcripts and bookings are not built yet."""

from __future__ import annotations

from shared.runtime import Service

service = Service(
    name="ai_calling", summary="Voice calls, transcripts and bookings: nothing is built here yet."
)
