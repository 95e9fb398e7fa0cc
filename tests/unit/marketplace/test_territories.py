"""Who may hold what, and when an idle holder is warned and relieved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError

from services.marketplace.domain.territories import Idleness, Place, allowance, idleness, places_left
from shared.schemas.enums import SubscriptionTier
from shared.schemas.territory import TerritoryKind

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("tier", "kind", "taken", "left"),
    [
        (None, TerritoryKind.ZIP, 0, 0),
        (SubscriptionTier.STARTER, TerritoryKind.ZIP, 0, 0),
        (SubscriptionTier.STARTER, TerritoryKind.CITY, 0, 0),
        (SubscriptionTier.PROFESSIONAL, TerritoryKind.ZIP, 0, 3),
        (SubscriptionTier.PROFESSIONAL, TerritoryKind.ZIP, 2, 1),
        (SubscriptionTier.PROFESSIONAL, TerritoryKind.ZIP, 3, 0),
        (SubscriptionTier.PROFESSIONAL, TerritoryKind.ZIP, 4, 0),
        (SubscriptionTier.PROFESSIONAL, TerritoryKind.CITY, 0, 0),
        (SubscriptionTier.ENTERPRISE, TerritoryKind.CITY, 0, 1),
        (SubscriptionTier.ENTERPRISE, TerritoryKind.CITY, 1, 0),
    ],
)
def test_a_tier_allows_its_kinds_and_no_more(
    tier: SubscriptionTier | None, kind: TerritoryKind, taken: int, left: int
) -> None:
    assert places_left(tier, kind, taken) == left


def test_what_has_ended_takes_no_room() -> None:
    rows = [{"kind": "zip", "status": "held"}, {"kind": "zip", "status": "waiting"}] + [
        {"kind": "zip", "status": "ended"}
    ] * 5

    assert allowance(SubscriptionTier.PROFESSIONAL, rows).left == {
        TerritoryKind.ZIP: 1,
        TerritoryKind.CLUSTER: 1,
    }


@pytest.mark.parametrize(
    ("idle", "warned", "found"),
    [
        (timedelta(days=23) - MOMENT, None, Idleness.LEAVE),
        (timedelta(days=23), None, Idleness.WARN),
        (timedelta(days=40), None, Idleness.WARN),
        (timedelta(days=30) - MOMENT, timedelta(days=7), Idleness.LEAVE),
        (timedelta(days=30), timedelta(days=7) - MOMENT, Idleness.LEAVE),
        (timedelta(days=30), timedelta(days=7), Idleness.TAKE_BACK),
        (timedelta(days=1), timedelta(days=7), Idleness.FORGET_WARNING),
    ],
)
def test_a_holder_is_warned_seven_days_before_it_loses_its_place(
    idle: timedelta, warned: timedelta | None, found: Idleness
) -> None:
    warned_at = NOW - warned if warned else None

    assert idleness(NOW, active_at=NOW - idle, warned_at=warned_at) is found


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ({"kind": "zip"}, "zip: named"),
        ({"kind": "city", "zip": "76998"}, "zip: named"),
        ({"kind": "zip", "zip": "7699"}, "pattern"),
        ({"kind": "cluster"}, "cluster_id: named"),
        ({"kind": "city", "cluster_id": str(uuid4())}, "cluster_id: named"),
        ({"kind": "county"}, "kind"),
    ],
)
def test_a_place_names_what_its_kind_needs(place: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Place.model_validate({"city_id": str(uuid4()), **place})
