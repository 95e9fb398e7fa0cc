"""Settings of the image processor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from shared.providers.settings import names
from shared.schemas.enums import ImageLevel
from shared.settings import LimitSettings


class ImageProcessorSettings(LimitSettings):
    """How pictures are kept and when they are good enough."""

    usable_quality: int = Field(40, alias="IMAGE_PROCESSOR_USABLE_QUALITY", ge=0, le=100)
    standard_pixels: int = Field(1024, alias="IMAGE_PROCESSOR_STANDARD_PIXELS", ge=256, le=4096)
    super_resolution: Literal["cpu", "gpu"] = Field("cpu", alias="IMAGE_PROCESSOR_SUPER_RESOLUTION")
    """The compact network, or the large one, which takes a graphics card or minutes."""
    super_resolution_tiles: int = Field(4, alias="IMAGE_PROCESSOR_SUPER_RESOLUTION_TILES", ge=1)
    networks: str = Field("", alias="IMAGE_PROCESSOR_NETWORKS")
    coarsest_m: float = Field(0.7, alias="IMAGE_PROCESSOR_COARSEST_M", gt=0)
    """Metres a pixel of the coarsest picture from above that is fetched; NAIP has 0.3 to 0.6."""
    captures: int = Field(3, alias="IMAGE_PROCESSOR_CAPTURES", ge=1, le=10)
    """How many flights of a source are looked at until one can be analysed; the best of them is kept."""
    image_levels: str = Field("roof,lot", alias="IMAGE_PROCESSOR_LEVELS")
    """How much ground pictures from above show: roof, lot and block, 48, 96 and 240 metres a side."""
    public_url: str = Field("", alias="IMAGE_PROCESSOR_PUBLIC_URL")
    """Where signed links to pictures lead; this service's own address unless set."""
    workers: int = Field(1, alias="IMAGE_PROCESSOR_WORKERS", ge=1)

    @field_validator("image_levels")
    @classmethod
    def _refuse_unknown_levels(cls, text: str) -> str:
        unknown = set(names(text)) - set(ImageLevel)
        if unknown:
            raise ValueError(f"no level is called {', '.join(sorted(unknown))}")
        return text

    @property
    def levels(self) -> frozenset[ImageLevel]:
        """The levels that are fetched and shown."""
        return frozenset(ImageLevel(name) for name in names(self.image_levels))

    @property
    def networks_folder(self) -> Path:
        """Where the super-resolution networks lie: where set-up put them, unless another folder is named."""
        return Path(self.networks) if self.networks else Path.cwd() / ".ridgeline" / "networks"
