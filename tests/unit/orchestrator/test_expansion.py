"""When the next city may be activated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.orchestrator.domain.expansion import ExpansionFacts, may_expand

GOOD = ExpansionFacts(
    tier_one_inactive=0,
    active_cities=2,
    leads_last_month={"a": 600, "b": 400},
    budget_usd=0.01,
    wanted_leads_per_month=500,
    enabled=True,
)


def test_every_criterion_just_met_lets_a_city_in() -> None:
    assert may_expand(GOOD) == (True, [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"enabled": False}, "the feature flag city_expansion is off"),
        ({"tier_one_inactive": 1}, "1 tier-1 cities are not active"),
        ({"active_cities": 0}, "no city is active"),
        ({"budget_usd": 0}, "no budget is set aside"),
        ({"leads_last_month": {"a": 999}}, "active cities average 500 leads a month, 500 are wanted"),
        ({"leads_last_month": {}}, "active cities average 0 leads a month, 500 are wanted"),
    ],
)
def test_one_criterion_missed_is_the_one_reason(change: dict[str, Any], reason: str) -> None:
    assert may_expand(replace(GOOD, **change)) == (False, [reason])


def test_all_reasons_are_told_together() -> None:
    expand, reasons = may_expand(ExpansionFacts(3, 0, {}, 0, 500, enabled=False))

    assert not expand
    assert len(reasons) == 4
