"""Shares of a sample, and how sure they are."""

from __future__ import annotations

import math
from typing import Final

_Z_95: Final = 1.959964


def wilson_interval(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927), within 0 and 1; all of 0..1 where there is no sample.

    ValueError for more hits than there are, or fewer than none.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    if of == 0:
        return 0.0, 1.0
    share, squared = hits / of, _Z_95**2
    middle = share + squared / (2 * of)
    reach = _Z_95 * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + squared / of)), min(1.0, (middle + reach) / (1 + squared / of))
