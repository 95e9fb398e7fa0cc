"""How a picture looks, whatever it shows; runs in the model's own process."""

from __future__ import annotations

from typing import Any

SIDE = 256


def looks_of(bodies: list[bytes]) -> list[tuple[float, float] | None]:
    """Brightness 0..255 and sharpness (variance of the Laplacian at one size) of each picture; None for no picture."""
    return [_look(body) for body in bodies]


def _look(body: bytes) -> tuple[float, float] | None:
    import cv2
    import numpy as np

    grey: Any = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_GRAYSCALE) if body else None
    if grey is None:
        return None
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return float(small.mean()), float(cv2.Laplacian(small, cv2.CV_64F).var())
