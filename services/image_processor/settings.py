"""Settings of the image processor."""

from __future__ import annotations

from pydantic import Field

from shared.settings import LimitSettings


class ImageProcessorSettings(LimitSettings):
    """How pictures are kept and when they are good enough."""

    usable_quality: int = Field(40, alias="IMAGE_PROCESSOR_USABLE_QUALITY", ge=0, le=100)
    standard_pixels: int = Field(1024, alias="IMAGE_PROCESSOR_STANDARD_PIXELS", ge=256, le=4096)
    workers: int = Field(1, alias="IMAGE_PROCESSOR_WORKERS", ge=1)
