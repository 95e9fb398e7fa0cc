"""What the pixel process does; OpenCV is loaded there and nowhere else."""

from __future__ import annotations

from services.image_processor.domain.quality import Quality


def grade(body: bytes) -> tuple[Quality, tuple[int, int]]:
    """A file's quality, and its width and height."""
    from services.image_processor.domain.pictures import decode, quality_of

    image = decode(body)
    return quality_of(image), (image.shape[1], image.shape[0])


def standard_form(body: bytes, pixels: int) -> bytes:
    """A file in the standard form, a square of `pixels` a side."""
    from services.image_processor.domain.pictures import decode, standardise

    return standardise(decode(body), pixels)
