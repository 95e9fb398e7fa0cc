"""Settings of roof analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import Settings

WEIGHTS = Path(__file__).resolve().parent / "weights"


class MlInferenceSettings(Settings):
    """Which weights run where, in how many processes, and when a reviewer should have decided."""

    weights_folder: Path = Field(WEIGHTS, alias="ML_INFERENCE_WEIGHTS_FOLDER")
    profile: Literal["cpu", "gpu"] = Field("cpu", alias="ML_INFERENCE_PROFILE")
    providers: str = Field("CUDAExecutionProvider,CPUExecutionProvider", alias="ML_INFERENCE_PROVIDERS")
    threads: int = Field(1, alias="ML_INFERENCE_THREADS", ge=1)
    workers: int = Field(1, alias="ML_INFERENCE_WORKERS", ge=1)
    review_days: int = Field(7, alias="ML_INFERENCE_REVIEW_DAYS", ge=1)
    double_review_share: float = Field(0.1, alias="ML_INFERENCE_DOUBLE_REVIEW_SHARE", ge=0, le=1)
    claim_minutes: int = Field(15, alias="ML_INFERENCE_CLAIM_MINUTES", ge=1)
    undo_seconds: float = Field(20, alias="ML_INFERENCE_UNDO_SECONDS", ge=0, le=600)
    hourly_leads: int = Field(200, alias="ML_INFERENCE_HOURLY_LEADS", ge=1, le=5000)

    @property
    def execution_providers(self) -> tuple[str, ...]:
        """ONNX Runtime's providers, first choice first."""
        return tuple(word.strip() for word in self.providers.split(",") if word.strip())
