"""How sure the combined answer may be, learnt from roofs whose truth became known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from services.ml_inference.domain.combining import LEAST, Chances
from shared.schemas.enums import RoofCondition

LEAST_KNOWN: Final = 50
"""With fewer compared roofs the answer is left as it is: a temperature of few cases is chance."""
TEMPERATURES: Final = np.geomspace(0.5, 6.0, 60)

Known = tuple[Chances, RoofCondition]
"""What was said of a roof, and what is so."""


def temperature_of(known: Sequence[Known]) -> float:
    """The temperature at which the answers would have been the likeliest; 1 where too few are known."""
    if len(known) < LEAST_KNOWN:
        return 1.0
    logs = np.log([[max(LEAST, said.get(c, 0.0)) for c in RoofCondition] for said, _ in known])
    true = np.array([list(RoofCondition).index(truth) for _, truth in known])
    scaled = logs[None] / TEMPERATURES[:, None, None]
    spread = np.log(np.exp(scaled - scaled.max(axis=2, keepdims=True)).sum(axis=2)) + scaled.max(axis=2)
    loss = (spread - scaled[:, np.arange(len(true)), true]).mean(axis=1)
    return round(float(TEMPERATURES[int(loss.argmin())]), 3)


def tempered(chances: Chances, temperature: float) -> Chances:
    """The same order of conditions, less sure above a temperature of 1 and surer below."""
    raised = {c: max(LEAST, chances.get(c, 0.0)) ** (1 / temperature) for c in RoofCondition}
    total = sum(raised.values())
    return {condition: value / total for condition, value in raised.items()}
