"""Settings of the image processor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import LimitSettings


class ImageProcessorSettings(LimitSettings):
    """How pictures are kept and when they are good enough."""

    usable_quality: int = Field(40, alias="IMAGE_PROCESSOR_USABLE_QUALITY", ge=0, le=100)
    standard_pixels: int = Field(1024, alias="IMAGE_PROCESSOR_STANDARD_PIXELS", ge=256, le=4096)
    super_resolution: Literal["cpu", "gpu"] = Field("cpu", alias="IMAGE_PROCESSOR_SUPER_RESOLUTION")
    """The compact network, or the large one, which takes a graphics card or minutes."""
    super_resolution_tiles: int = Field(4, alias="IMAGE_PROCESSOR_SUPER_RESOLUTION_TILES", ge=1)
    networks: str = Field("", alias="IMAGE_PROCESSOR_NETWORKS")
    workers: int = Field(1, alias="IMAGE_PROCESSOR_WORKERS", ge=1)

    @property
    def networks_folder(self) -> Path:
        """Where the super-resolution networks lie: where set-up put them, unless another folder is named."""
        return Path(self.networks) if self.networks else Path.cwd() / ".ridgeline" / "networks"
