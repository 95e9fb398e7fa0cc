"""Units of distance on the globe."""

from __future__ import annotations

METRES_PER_MILE = 1609.344
