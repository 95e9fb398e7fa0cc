"""Storage keys, built only from a UUID and enumerations, so that no input can name a path."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from shared.schemas.enums import ImageType, ViewAngle


class Stage(StrEnum):
    """What was done to a picture (S4-3.3.2-f1)."""

    ORIGINAL = "original"
    PREPROCESSED = "preprocessed"


def image_key(
    property_id: UUID, stage: Stage, image_type: ImageType, angle: ViewAngle, extension: str = "jpg"
) -> str:
    """`images/{property}/{stage}/{type}_{angle}.{extension}`."""
    if extension not in {"jpg", "png", "json"}:
        raise ValueError(f"no picture is kept as {extension!r}")
    return f"images/{property_id}/{stage.value}/{image_type.value}_{angle.value}.{extension}"
