"""What the pixel process does; OpenCV is loaded there and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.image_processor.domain.keys import DamageView
from services.image_processor.domain.quality import Quality
from shared.schemas.enums import ViewAngle

if TYPE_CHECKING:
    from services.image_processor.domain.standard import StandardForm


def grade(body: bytes, view: ViewAngle = ViewAngle.OVERHEAD) -> tuple[Quality, tuple[int, int]]:
    """A file's quality, and its width and height."""
    from services.image_processor.domain.grading import quality_of
    from services.image_processor.domain.pictures import decode

    image = decode(body)
    return quality_of(image, view), (image.shape[1], image.shape[0])


def standard_form(body: bytes, pixels: int) -> StandardForm:
    """A file in the standard form, a square of `pixels` a side."""
    from services.image_processor.domain.pictures import decode
    from services.image_processor.domain.standard import standardise

    return standardise(decode(body), pixels)


def damage_views(body: bytes, views: Sequence[DamageView]) -> dict[DamageView, bytes]:
    """A file's transforms as JPEG bytes, decoded once."""
    from services.image_processor.domain.pictures import decode, encode_jpeg
    from services.image_processor.domain.transforms import TRANSFORMS

    image = decode(body)
    return {view: encode_jpeg(TRANSFORMS[view](image)) for view in views}
