"""Which configuration values and feature flags exist, with their types and bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import InvalidInput
from shared.schemas.usps import STATES


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One configuration value an operator may set; the setting named here holds until then."""

    description: str
    setting: str
    valid: Callable[[Any], bool]
    wants: str


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    )


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


CONFIG: Mapping[str, ConfigKey] = {
    "expansion.leads_per_month": ConfigKey(
        "Mean leads a month per active city before the next city is activated",
        "expansion_leads_per_month",
        _whole(1, 100_000),
        "1 to 100000",
    ),
    "expansion.budget_usd": ConfigKey(
        "Budget set aside for activating the next city, USD",
        "expansion_budget_usd",
        _number(0, 1_000_000),
        "0 to 1000000",
    ),
    "city.daily_budget_usd": ConfigKey(
        "Daily budget for paid calls of a city without its own, USD",
        "city_daily_cap_usd",
        _number(0, 100_000),
        "0 to 100000",
    ),
    "city.daily_prospect_cap": ConfigKey(
        "Prospects a city without its own cap may start a day",
        "daily_prospect_cap",
        _whole(1, 100_000),
        "1 to 100000",
    ),
    "lead.budget_usd": ConfigKey(
        "What may be spent on one lead, USD", "lead_cap_usd", _number(0, 1000), "0 to 1000"
    ),
}

FEATURES: Mapping[str, str] = {
    "allow_onsite_check": 'Sell leads of 70-95 % confidence labelled "needs on-site check" (sandbox imagery)',
    "allow_onsite_check_real": "The same for real imagery, whose models are not yet validated",
    "sales_enabled": "Contractors may buy leads",
    "city_expansion": "Sunday's expansion job may activate the next city",
    "kill.sale": "Kill switch: while on, no lead is offered or sold",
    "kill.contact": "Kill switch: while on, nobody is contacted",
    "kill.contact.email": "Kill switch: while on, nobody is sent e-mail",
    "kill.contact.push": "Kill switch: while on, no notice goes to a device",
    **{
        f"kill.state.{code}": f"Kill switch: while on, nobody in {code} is contacted"
        for code in sorted(STATES)
    },
}

ON_BY_DEFAULT = frozenset({"allow_onsite_check", "sales_enabled"})


def validate_config(changes: Mapping[str, Any]) -> None:
    """Raise InvalidInput that names every unknown key and every value out of bounds."""
    problems = [f"{key} is not a configuration key" for key in changes if key not in CONFIG]
    problems += [
        f"{key} must be {CONFIG[key].wants}"
        for key, value in changes.items()
        if key in CONFIG and not CONFIG[key].valid(value)
    ]
    if problems or not changes:
        raise InvalidInput("; ".join(problems) or "nothing to change", errors=problems)


def validate_features(changes: Mapping[str, bool]) -> None:
    """Raise InvalidInput that names every unknown flag."""
    unknown = [key for key in changes if key not in FEATURES]
    if unknown or not changes:
        raise InvalidInput(
            f"unknown feature flags: {', '.join(unknown)}" if unknown else "nothing to change", errors=unknown
        )
