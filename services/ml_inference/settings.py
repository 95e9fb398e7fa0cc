"""Settings of roof analysis."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.settings import Settings

WEIGHTS = Path(__file__).resolve().parent / "weights"


class MlInferenceSettings(Settings):
    """Where the weights lie, how many processes run them, and when a reviewer should have decided."""

    weights_folder: Path = Field(WEIGHTS, alias="ML_INFERENCE_WEIGHTS_FOLDER")
    workers: int = Field(1, alias="ML_INFERENCE_WORKERS", ge=1)
    review_days: int = Field(7, alias="ML_INFERENCE_REVIEW_DAYS", ge=1)
