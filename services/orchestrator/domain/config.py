"""Which configuration values and feature flags exist, with their types and bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One configuration value an operator may set."""

    description: str
    default: Any
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
        500,
        _whole(1, 100_000),
        "1 to 100000",
    ),
    "expansion.budget_usd": ConfigKey(
        "Budget set aside for activating the next city, USD", 0, _number(0, 1_000_000), "0 to 1000000"
    ),
    "city.daily_budget_usd": ConfigKey(
        "Default daily budget of a city for paid calls, USD", 50, _number(0, 100_000), "0 to 100000"
    ),
    "city.daily_prospect_cap": ConfigKey(
        "Prospects a city may start a day", 200, _whole(1, 100_000), "1 to 100000"
    ),
    "lead.budget_usd": ConfigKey("What may be spent on one lead, USD", 2, _number(0, 1000), "0 to 1000"),
}

FEATURES: Mapping[str, str] = {
    "allow_onsite_check": 'Sell leads of 70-95 % confidence labelled "needs on-site check" (sandbox imagery)',
    "allow_onsite_check_real": "The same for real imagery, whose models are not yet validated",
    "sales_enabled": "Contractors may buy leads",
    "city_expansion": "Sunday's expansion job may activate the next city",
}

FEATURE_DEFAULTS: Mapping[str, bool] = {
    "allow_onsite_check": True,
    "allow_onsite_check_real": False,
    "sales_enabled": True,
    "city_expansion": False,
}


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
