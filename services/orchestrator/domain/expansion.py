"""When the next city may be activated (S4-3.8.3-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpansionFacts:
    """What the decision rests on."""

    tier_one_inactive: int
    active_cities: int
    leads_last_month: Mapping[str, int]
    budget_usd: float
    wanted_leads_per_month: int
    enabled: bool


def may_expand(facts: ExpansionFacts) -> tuple[bool, list[str]]:
    """Whether to activate the next city, with every reason against it."""
    reasons: list[str] = []
    if not facts.enabled:
        reasons.append("the feature flag city_expansion is off")
    if facts.tier_one_inactive:
        reasons.append(f"{facts.tier_one_inactive} tier-1 cities are not active")
    if facts.active_cities == 0:
        reasons.append("no city is active")
    else:
        mean = sum(facts.leads_last_month.values()) / facts.active_cities
        if mean < facts.wanted_leads_per_month:
            reasons.append(
                f"active cities average {mean:.0f} leads a month, {facts.wanted_leads_per_month} are wanted"
            )
    if facts.budget_usd <= 0:
        reasons.append("no budget is set aside")
    return not reasons, reasons
