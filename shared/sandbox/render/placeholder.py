"""Pictures a vendor sends when it has nothing to show."""

import cv2
import numpy as np

from shared.sandbox.render.atmosphere import Pixels
from shared.sandbox.render.noise import smooth_noise
from shared.sandbox.render.view import rng_for


def no_imagery(size_px: int) -> Pixels:
    """The grey tile with a line of text that stands for "no imagery here"."""
    tile: Pixels = np.full((size_px, size_px, 3), 228, np.uint8)
    scale = size_px / 640
    text = "Sorry, we have no imagery here."
    cv2.putText(
        tile,
        text,
        (int(60 * scale), size_px // 2),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (150, 150, 150),
        max(1, int(2 * scale)),
        cv2.LINE_AA,
    )
    return tile


def clouded(pixels: Pixels, seed: int) -> Pixels:
    """The picture under a cloud deck that hides most of it."""
    rng = rng_for(seed, 41)
    rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]].astype(np.float32)
    span = float(pixels.shape[0])
    offset = (float(rng.uniform(0, span)), float(rng.uniform(0, span)))
    deck = smooth_noise(columns, rows, cell=span / 2, offset=offset)
    deck += 0.4 * smooth_noise(columns, rows, cell=span / 7, offset=offset)
    cover = np.clip(0.93 + 0.14 * deck, 0.0, 1.0)[..., None]
    white = 235.0 + 6.0 * deck[..., None]
    hidden: Pixels = np.clip(pixels * (1 - cover) + white * cover, 0, 255).astype(np.uint8)
    return hidden
