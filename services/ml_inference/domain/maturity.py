"""When the models' confidence may be trusted in a domain of pictures: measured on compared roofs, never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.schemas.review_enums import Maturity
from shared.schemas.shares import wilson_interval

LEAST_COMPARED: Final = 200
LEAST_RIGHT: Final = 0.90


@dataclass(frozen=True, slots=True)
class Compared:
    """Roofs whose truth became known, judged above the gate by the weights in use: how many, and how many rightly."""

    n: int = 0
    right: int = 0

    @property
    def share(self) -> float | None:
        """The share that was right; None of none."""
        return self.right / self.n if self.n else None


def maturity_of(compared: Compared) -> Maturity:
    """Validated from 200 compared roofs on whose lower bound is 0.90 or better."""
    low, _ = wilson_interval(compared.right, compared.n)
    return Maturity.VALIDATED if compared.n >= LEAST_COMPARED and low >= LEAST_RIGHT else Maturity.UNVALIDATED
