"""One picture out of tiles; its libraries are loaded in the process that touches pixels and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from services.image_processor.domain.headers import inspect
from services.image_processor.domain.quality import PictureRefused

LARGEST_TILE_PX = 1024


def stitched(rows: Sequence[Sequence[bytes]], left: int, top: int, side: int) -> bytes:
    """The square of a mosaic as a JPEG; PictureRefused for tiles that are none, or of different sizes."""
    import numpy as np

    from services.image_processor.domain.pictures import decode, encode_jpeg

    # By their headers: a hundred tiles, each as large as a whole picture may be, would fill the memory.
    headers = [inspect(tile) for row in rows for tile in row]
    sizes = {(header.width, header.height) for header in headers}
    if len(sizes) != 1 or max(next(iter(sizes))) > LARGEST_TILE_PX:
        raise PictureRefused("tiles_do_not_fit")
    tiles = [[decode(tile) for tile in row] for row in rows]
    whole = np.vstack([np.hstack(row) for row in tiles])
    square = whole[top : top + side, left : left + side]
    if square.shape[:2] != (side, side):
        raise PictureRefused("tiles_do_not_fit")
    return encode_jpeg(np.ascontiguousarray(square))
