"""What may be spent and started: the city's own figure, else the operator's, else the environment's."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol
from uuid import UUID

from shared.runtime.resources import Resources


class Spender(Protocol):
    """A lead that paid calls are made for: its city, that city's own budget, and the database's day."""

    @property
    def id(self) -> UUID:
        """Its key."""

    @property
    def city_id(self) -> UUID:
        """Its city."""

    @property
    def city_budget(self) -> Decimal | None:
        """What the city may spend a day, where that is its own."""

    @property
    def today(self) -> str:
        """The day the money is counted under."""


async def spending_caps(resources: Resources, lead: Spender) -> dict[str, Decimal]:
    """Budget scopes of a lead and of its city today, with their caps in US dollars."""
    flags, settings = resources.flags, resources.settings
    per_lead = await flags.value("lead.budget_usd", settings.lead_cap_usd)
    per_city = lead.city_budget
    if per_city is None:
        per_city = await flags.value("city.daily_budget_usd", settings.city_daily_cap_usd)
    return {
        f"lead:{lead.id}": Decimal(str(per_lead)),
        f"city:{lead.city_id}:{lead.today}": Decimal(str(per_city)),
    }


async def prospect_cap(resources: Resources, own: int | None) -> int:
    """How many prospects a city may start a day; `own` is the city's figure."""
    if own is not None:
        return own
    return int(await resources.flags.value("city.daily_prospect_cap", resources.settings.daily_prospect_cap))
