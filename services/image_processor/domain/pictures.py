"""Decoding under limits, quality in numbers, and the one standard form of a picture."""

from __future__ import annotations

import io
import warnings
from typing import Any

import cv2
import numpy as np
from PIL import Image

from services.image_processor.domain.quality import PictureRefused, Quality

MAX_PIXELS = 50_000_000
JPEG_QUALITY = 90
SHARP_VARIANCE = 120.0
DARK_MEAN, DIM_MEAN = 25.0, 60.0
FLAT_SPREAD = 6.0
CLOUD_SHARE = 0.45
CAST_LIMIT = 0.06
FORMATS = ("JPEG", "PNG")
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def decode(body: bytes) -> np.ndarray[Any, Any]:
    """The picture as BGR bytes; its header is checked before a pixel is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(body), formats=FORMATS)
            small = picture.width * picture.height <= MAX_PIXELS
            rgb = np.asarray(picture.convert("RGB")) if small else None
    except (OSError, ValueError, SyntaxError, *BOMBS) as error:
        raise PictureRefused("not_a_whole_picture") from error
    if rgb is None:
        raise PictureRefused("too_many_pixels")
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)


def quality_of(image: np.ndarray[Any, Any]) -> Quality:
    """How much an analysis can see: placeholders and clouds first, then light, then sharpness."""
    small = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    if float(grey.std()) < FLAT_SPREAD:
        return Quality(0, ("placeholder",))
    faults: list[str] = []
    score = 100.0
    cloud = _cloud_share(small)
    if cloud > CLOUD_SHARE:
        faults.append("cloud")
        score -= 100 * cloud
    mean = float(grey.mean())
    if mean < DIM_MEAN:
        faults.append("dark")
        score -= 80 if mean < DARK_MEAN else 30
    sharp = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    if sharp < SHARP_VARIANCE:
        faults.append("blur")
        score -= 60 * (1 - sharp / SHARP_VARIANCE)
    return Quality(round(max(0.0, score)), tuple(faults))


def _cloud_share(image: np.ndarray[Any, Any]) -> float:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    return float(np.mean((hsv[..., 1] < 30) & (hsv[..., 2] > 205)))


def standardise(image: np.ndarray[Any, Any], pixels: int) -> bytes:
    """The standard form (S4-3.3.1-f1): a square JPEG of `pixels` a side, its colour cast taken out.

    Contrast stays as it is: local equalisation would hide the very wear that an analysis reads.
    """
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = _without_cast(image[top : top + side, left : left + side])
    how = cv2.INTER_CUBIC if side < pixels else cv2.INTER_AREA
    return encode_jpeg(cv2.resize(square, (pixels, pixels), interpolation=how))


def _without_cast(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Half a grey-world correction, at most CAST_LIMIT a channel: a lawn is green without being a cast."""
    means = image.reshape(-1, 3).mean(axis=0) + 1.0
    gains = np.clip(np.sqrt(means.mean() / means), 1 - CAST_LIMIT, 1 + CAST_LIMIT)
    return cv2.transform(image, np.diag(gains).astype(np.float32))


def encode_jpeg(image: np.ndarray[Any, Any]) -> bytes:
    """A picture as JPEG bytes."""
    done, body = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise PictureRefused("not_encodable")
    return body.tobytes()
