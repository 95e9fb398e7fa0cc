"""When the models' confidence may be trusted in a domain of pictures: measured on compared roofs, never assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from shared.schemas.review_enums import Maturity

LEAST_COMPARED: Final = 200
LEAST_RIGHT: Final = 0.90
Z_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Compared:
    """Roofs whose truth became known, judged above the gate by the weights in use: how many, and how many rightly."""

    n: int = 0
    right: int = 0

    @property
    def share(self) -> float | None:
        """The share that was right; None of none."""
        return self.right / self.n if self.n else None


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); all of 0..1 where nothing was compared."""
    if n == 0:
        return 0.0, 1.0
    share, squared = right / n, Z_95**2
    middle = share + squared / (2 * n)
    reach = Z_95 * math.sqrt(share * (1 - share) / n + squared / (4 * n * n))
    return max(0.0, (middle - reach) / (1 + squared / n)), min(1.0, (middle + reach) / (1 + squared / n))


def maturity_of(compared: Compared) -> Maturity:
    """Validated from 200 compared roofs on whose lower bound is 0.90 or better."""
    low, _ = wilson_interval(compared.right, compared.n)
    return Maturity.VALIDATED if compared.n >= LEAST_COMPARED and low >= LEAST_RIGHT else Maturity.UNVALIDATED
