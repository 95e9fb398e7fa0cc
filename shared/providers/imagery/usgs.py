"""The National Map's orthophotos of the whole country (USGS, public domain), an ArcGIS image service; RECALLED.

It serves NAIP cut to size, where the STAC catalogue has it as files of half a gigabyte.
"""

from __future__ import annotations

from shared.providers.base import ProviderDeps
from shared.providers.imagery import OrthoService
from shared.providers.imagery.imageserver import ImageServerImagery
from shared.providers.settings import ProviderSettings

NAIP_M = 0.6
"""Where the catalogue does not say: what every state has."""


class UsgsImagery(ImageServerImagery):
    """What the service shows of each place; the day of its flight is not told."""

    name = "usgs"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        service = OrthoService(
            key="usgs_ortho",
            kind="imageserver",
            service_path="arcgis/rest/services/USGSNAIPPlus/ImageServer",
            metres_per_pixel=NAIP_M,
            pixel_size_field="LowPS",
        )
        super().__init__(service, settings, deps)
