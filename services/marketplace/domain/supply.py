"""Whether the leads that a buyer's cities will bring cover the plans that are sold there (G-56)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from shared.schemas.plan_enums import PlanCode
from shared.schemas.shares import wilson_interval

LOOK_BACK_DAYS: Final = 90
"""How far back the share of houses that came on sale is measured."""
MEASURED_FROM: Final = 30
"""Houses that must have been decided on before their share says anything; until then only what is on sale counts."""
HELD_DAYS: Final = 3
"""How long the right to a plan is kept for who waited for it."""
CHANGE_MINUTES: Final = 15
"""How long leads are kept for a change that the payment processor is being asked for."""


class Supply(BaseModel):
    """What the buyer's cities hold for a month: on sale now, and of those in work the share that came on sale before."""

    cities: list[str]
    on_sale: int
    in_work: int
    decided: int
    """Houses that came on sale or were turned away in the last 90 days."""
    share_low: float | None
    share_high: float | None
    """The 95 % interval of the share that came on sale; None until MEASURED_FROM were decided on."""
    low: int
    high: int
    """Leads a month has, at least and at most."""
    promised: int
    """Leads a month of other buyers' plans in any of these cities, and those that are kept for somebody."""

    @property
    def spare(self) -> int:
        """Leads that no plan has been sold yet, counted by the low end."""
        return self.low - self.promised


class WaitView(BaseModel):
    """A wish for a plan on the waiting list; `held_until` is set while the plan is kept for the buyer."""

    code: PlanCode
    created_at: datetime
    held_until: datetime | None


class SupplyView(Supply):
    """The same as a buyer sees it, with the plans that can be begun now and its place on the waiting list."""

    fits: list[PlanCode]
    wait: WaitView | None


def forecast(
    cities: list[str], *, on_sale: int, in_work: int, published: int, decided: int, promised: int
) -> Supply:
    """The supply of cities. A house in work counts by the low and the high end of the measured share."""
    measured = decided >= MEASURED_FROM
    share_low, share_high = wilson_interval(published, decided) if measured else (0.0, 0.0)
    return Supply(
        cities=cities,
        on_sale=on_sale,
        in_work=in_work,
        decided=decided,
        share_low=share_low if measured else None,
        share_high=share_high if measured else None,
        low=on_sale + math.floor(in_work * share_low),
        high=on_sale + math.ceil(in_work * share_high),
        promised=promised,
    )


def fits(spare: int, leads: int, waiting: Iterable[int] = ()) -> bool:
    """Whether a plan of so many leads can be sold beside the wishes that wait before it.

    A wish that is too big for what is spare keeps nobody else from it.
    """
    return leads + sum(each for each in waiting if each <= spare) <= spare
