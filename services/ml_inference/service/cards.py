"""What the registry's rows say of the weights in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.ml_inference.vision.registry import Profile, read_entries
from shared.schemas.enums import ImageDomain

RENDERED_ONLY = "rendered"


def read_cards(folder: Path, profile: Profile) -> list[dict[str, Any]]:
    """A `models` row for each of the profile's three models."""
    return [
        {
            "role": role,
            "name": entry.name,
            "version": entry.version,
            "domain": ImageDomain.RENDERED if entry.trained_on == RENDERED_ONLY else ImageDomain.REAL,
            "sha256": entry.sha256,
            "path": entry.file,
            "metrics": dict(entry.metrics),
            "calibration": {
                "temperatures": dict(entry.temperatures),
                "confidence": {name: list(pair) for name, pair in entry.confidence.items()},
                "thresholds": dict(entry.thresholds),
                "familiarity_limits": dict(entry.familiarity_limits),
            },
            "training_data": {"trained_on": entry.trained_on, **entry.training_data},
            "licence": entry.licence,
        }
        for role, entry in read_entries(folder, profile).items()
    ]
