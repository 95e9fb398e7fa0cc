"""Which configuration and switches exist, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from services.orchestrator.domain.config import (
    CONFIG,
    FEATURES,
    ON_BY_DEFAULT,
    validate_config,
    validate_features,
)
from services.orchestrator.settings import OrchestratorSettings
from shared.errors import InvalidInput


@pytest.mark.parametrize("key", CONFIG)
def test_the_value_before_any_change_is_a_setting(key: str) -> None:
    assert CONFIG[key].setting in OrchestratorSettings.model_fields


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expansion.leads_per_month", 1),
        ("expansion.leads_per_month", 100_000),
        ("expansion.budget_usd", 0),
        ("city.daily_budget_usd", 0.01),
        ("city.daily_prospect_cap", 1),
        ("lead.budget_usd", 1000),
    ],
)
def test_a_value_at_its_bound_is_taken(key: str, value: float) -> None:
    validate_config({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expansion.leads_per_month", 0),
        ("expansion.leads_per_month", 1.5),
        ("expansion.budget_usd", -0.01),
        ("city.daily_budget_usd", True),
        ("city.daily_prospect_cap", 100_001),
        ("lead.budget_usd", "2"),
        ("lead.budget_usd", None),
        ("no.such.key", 1),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=key.replace(".", r"\.")):
        validate_config({key: value})


def test_every_fault_is_named_and_nothing_is_no_change() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_config({"no.such.key": 1, "lead.budget_usd": -1})
    assert len(refused.value.fields["errors"]) == 2

    with pytest.raises(InvalidInput, match="nothing to change"):
        validate_config({})


@pytest.mark.parametrize(
    "key", ["sales_enabled", "kill.sale", "kill.contact", "kill.contact.email", "kill.state.TX"]
)
def test_flags_and_kill_switches_can_be_thrown(key: str) -> None:
    validate_features({key: True})


@pytest.mark.parametrize("key", ["warp_drive", "kill.state.XX", "kill.everything"])
def test_an_unknown_switch_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="unknown feature flags"):
        validate_features({key: True})


def test_no_kill_switch_is_on_by_default() -> None:
    assert FEATURES.keys() > ON_BY_DEFAULT
    assert not {key for key in ON_BY_DEFAULT if key.startswith("kill.")}
