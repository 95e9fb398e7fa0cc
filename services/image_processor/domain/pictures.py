"""Decoding under limits, and encoding."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

from services.image_processor.domain.headers import inspect
from services.image_processor.domain.quality import PictureRefused

JPEG_QUALITY = 90
FORMATS = ("JPEG", "PNG")


def decode(body: bytes) -> np.ndarray[Any, Any]:
    """The picture as BGR pixels; its header is checked before one of them is decoded."""
    checked = inspect(body)
    try:
        rgb = np.asarray(Image.open(io.BytesIO(checked.body), formats=FORMATS).convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise PictureRefused("damaged") from error
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def encode_jpeg(image: np.ndarray[Any, Any]) -> bytes:
    """A picture as JPEG bytes."""
    done, body = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise PictureRefused("not_encodable")
    return body.tobytes()
