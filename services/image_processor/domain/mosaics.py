"""One picture out of tiles; its libraries are loaded in the process that touches pixels and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from services.image_processor.domain.quality import PictureRefused

LARGEST_TILE_PX = 1024


def stitched(rows: Sequence[Sequence[bytes]], left: int, top: int, side: int) -> bytes:
    """The square of a mosaic as a JPEG; PictureRefused for tiles that are none, or of different sizes."""
    import numpy as np

    from services.image_processor.domain.pictures import decode, encode_jpeg

    tiles = [[decode(tile) for tile in row] for row in rows]
    shapes = {tile.shape for row in tiles for tile in row}
    if len(shapes) != 1 or max(next(iter(shapes))) > LARGEST_TILE_PX:
        raise PictureRefused("tiles_do_not_fit")
    whole = np.vstack([np.hstack(row) for row in tiles])
    square = whole[top : top + side, left : left + side]
    if square.shape[:2] != (side, side):
        raise PictureRefused("tiles_do_not_fit")
    return encode_jpeg(np.ascontiguousarray(square))
