"""The standard form of a picture (S4-3.3.1-f1, f2): a square JPEG, evenly lit, a little cleaner and a little crisper.

Every step is mild and global, since local equalisation or strong smoothing would hide the very wear that an analysis reads:
differences of more than NOISE_LEVELS stay, and tones move by one curve for the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from services.image_processor.domain.pictures import encode_jpeg

PADDING: Final = (114, 114, 114)
CAST_LIMIT: Final = 0.06
"""A lawn is green without being a cast."""
NOISE_LEVELS: Final = 10
NOISE_REACH_PX: Final = 1.5
BLACK_POINT, WHITE_POINT = 0.5, 99.5
STRETCH_LIMIT: Final = 1.25
MIDDLE_TONE: Final = 0.45
GAMMA_LIMITS: Final = (0.8, 1.25)
SHARPEN_SIGMA, SHARPEN_AMOUNT = 1.0, 0.4
LUMA: Final = (0.114, 0.587, 0.299)

Pixels = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class StandardForm:
    """The standard picture, where the original lies in it, and what was done."""

    body: bytes
    width: int
    height: int
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture lies in the square: enlarged by `scale`, its corner at (left, top)."""

    scale: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tones:
    """The one curve of each channel: gains (blue, green, red), the black and white point, and the gamma."""

    gains: tuple[float, float, float]
    black: float
    stretch: float
    gamma: float

    def table(self) -> Pixels:
        """The curves as a table of 256 levels by three channels."""
        levels = np.arange(256, dtype=np.float32)[:, None] * np.array(self.gains, np.float32)
        even = np.clip((levels - self.black) * self.stretch / 255, 0, 1) ** self.gamma
        return np.round(even * 255).astype(np.uint8)[:, None, :]


def standardise(image: Pixels, pixels: int) -> StandardForm:
    """BGR pixels in the standard form, `pixels` a side; the aspect is kept and the rest is grey."""
    box = letterbox(image.shape[1], image.shape[0], pixels)
    small = _resized(image, box) if box.scale < 1 else image
    clean = cv2.bilateralFilter(small, 5, NOISE_LEVELS, NOISE_REACH_PX)
    tones = tones_of(clean)
    even = cv2.LUT(clean, tones.table())
    crisp = _sharpened(even if box.scale < 1 else _resized(even, box))
    square = np.full((pixels, pixels, 3), PADDING, np.uint8)
    square[box.top : box.top + box.height, box.left : box.left + box.width] = crisp
    return StandardForm(encode_jpeg(square), pixels, pixels, _details(box, tones))


def letterbox(width: int, height: int, pixels: int) -> Letterbox:
    """Where a picture of this size lies in a square: as large as fits, in the middle."""
    scale = pixels / max(width, height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    return Letterbox(scale, (pixels - wide) // 2, (pixels - high) // 2, wide, high)


def tones_of(image: Pixels) -> Tones:
    """Half a grey-world correction, a bounded stretch around the tones there are, a bounded move of the middle one."""
    means = np.array(cv2.mean(image)[:3]) + 1.0
    gains = np.clip(np.sqrt(means.mean() / means), 1 - CAST_LIMIT, 1 + CAST_LIMIT)
    grey = cv2.transform(image, np.array([LUMA], np.float32))
    shares = np.cumsum(cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()) / grey.size * 100
    low, middle, high = (int(np.searchsorted(shares, point)) for point in (BLACK_POINT, 50, WHITE_POINT))
    stretch = min(STRETCH_LIMIT, 255 / max(1, high - low))
    black = float(np.clip((low + high - 255 / stretch) / 2, 0, 255 - 255 / stretch))
    seen = min(0.95, max(0.05, (middle - black) * stretch / 255))
    gamma = float(np.clip(np.sqrt(np.log(MIDDLE_TONE) / np.log(seen)), *GAMMA_LIMITS))
    return Tones((float(gains[0]), float(gains[1]), float(gains[2])), black, stretch, gamma)


def _resized(image: Pixels, box: Letterbox) -> Pixels:
    how = cv2.INTER_AREA if box.scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (box.width, box.height), interpolation=how)


def _sharpened(image: Pixels) -> Pixels:
    soft = cv2.GaussianBlur(image, (0, 0), SHARPEN_SIGMA)
    return cv2.addWeighted(image, 1 + SHARPEN_AMOUNT, soft, -SHARPEN_AMOUNT, 0)


def _details(box: Letterbox, tones: Tones) -> dict[str, Any]:
    return {
        "scale": round(box.scale, 6),
        "left": box.left,
        "top": box.top,
        "width": box.width,
        "height": box.height,
        "gains": [round(gain, 4) for gain in tones.gains],
        "black": round(tones.black, 1),
        "stretch": round(tones.stretch, 4),
        "gamma": round(tones.gamma, 4),
        "denoise_levels": NOISE_LEVELS,
        "sharpen_amount": SHARPEN_AMOUNT,
    }
