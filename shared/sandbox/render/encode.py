"""Files from pixels, the same bytes for the same picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def png_bytes(pixels: Pixels) -> bytes:
    """The RGB picture as a PNG file."""
    return _encode(pixels, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 3])


def jpeg_bytes(pixels: Pixels, *, quality: int = 90) -> bytes:
    """The RGB picture as a JPEG file."""
    return _encode(pixels, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(pixels: Pixels, suffix: str, options: list[int]) -> bytes:
    stored, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    if not stored:
        raise ValueError(f"could not encode a picture of shape {pixels.shape} as {suffix}")
    return data.tobytes()
