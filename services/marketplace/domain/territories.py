"""Territories: who may hold what, when a holder is idle, and what a place and its waiting list look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.schemas.enums import SubscriptionTier
from shared.schemas.territory import EXCLUSIVE_FACTOR, TerritoryEnd, TerritoryKind, TerritoryStatus

TIER_TERRITORIES: Final[Mapping[SubscriptionTier, Mapping[TerritoryKind, int]]] = {
    SubscriptionTier.STARTER: {},
    SubscriptionTier.PROFESSIONAL: {TerritoryKind.ZIP: 3, TerritoryKind.CLUSTER: 1},
    SubscriptionTier.ENTERPRISE: {TerritoryKind.ZIP: 3, TerritoryKind.CLUSTER: 1, TerritoryKind.CITY: 1},
}
"""How many of a kind a buyer may hold, be offered and wait for at once (S4-3.6.6; C-10: a starter shares its city)."""
OFFER_HOURS: Final = 48
"""How long the first of the waiting list has to accept."""
IDLE_AFTER: Final = timedelta(days=30)
"""G-15: without log-in and purchase for so long, a holder loses its territory."""
WARNED_BEFORE: Final = timedelta(days=7)
"""How long before that it is told."""
MOST_NEAR: Final = 200
"""How many places near a buyer a board shows."""


class Idleness(StrEnum):
    """What the nightly look does with a territory."""

    LEAVE = "leave"
    FORGET_WARNING = "forget_warning"
    WARN = "warn"
    TAKE_BACK = "take_back"


def idleness(now: datetime, *, active_at: datetime, warned_at: datetime | None) -> Idleness:
    """What to do about a holder last active at that time: nobody loses a territory without its whole notice."""
    idle = now - active_at
    if idle < IDLE_AFTER - WARNED_BEFORE:
        return Idleness.LEAVE if warned_at is None else Idleness.FORGET_WARNING
    if warned_at is None:
        return Idleness.WARN
    over = idle >= IDLE_AFTER and now - warned_at >= WARNED_BEFORE
    return Idleness.TAKE_BACK if over else Idleness.LEAVE


def places_left(tier: SubscriptionTier | None, kind: TerritoryKind, taken: int) -> int:
    """How many more places of a kind a buyer of this tier may ask for."""
    allowed = TIER_TERRITORIES[tier].get(kind, 0) if tier else 0
    return max(0, allowed - taken)


class Place(BaseModel):
    """A city, one ZIP of a city, or a cluster of leads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: TerritoryKind
    city_id: UUID
    zip: Annotated[str | None, Field(pattern=r"^\d{5}$")] = None
    cluster_id: UUID | None = None

    @model_validator(mode="after")
    def names_what_its_kind_needs(self) -> Place:
        """The ZIP of a ZIP and the cluster of a cluster, and nothing more."""
        if (self.kind is TerritoryKind.ZIP) != (self.zip is not None):
            raise ValueError("zip: named for a place of the kind zip, and for no other")
        if (self.kind is TerritoryKind.CLUSTER) != (self.cluster_id is not None):
            raise ValueError("cluster_id: named for a place of the kind cluster, and for no other")
        return self


class TerritoryView(BaseModel):
    """A territory as its buyer sees it."""

    id: UUID
    kind: TerritoryKind
    city_id: UUID
    city: str
    state: str
    zip: str | None
    cluster_id: UUID | None
    cluster_name: str | None
    status: TerritoryStatus
    since: datetime
    """Held or offered since; waiting since."""
    offered_until: datetime | None
    warned_at: datetime | None
    """When we said that it ends unless somebody logs in or buys."""
    ended_at: datetime | None
    end_reason: TerritoryEnd | None
    ahead: int
    """How many wait longer for something that meets this place."""
    leads: int
    """Leads on sale in it."""

    @property
    def name(self) -> str:
        """The place in words."""
        return place_name(self.kind, self.city, self.state, self.zip or self.cluster_name)


class DeskTerritoryView(TerritoryView):
    """The same for an operator: with its buyer."""

    contractor_id: UUID
    company_name: str


class NearPlace(BaseModel):
    """A place near a buyer's service areas."""

    kind: TerritoryKind
    city_id: UUID
    city: str
    state: str
    zip: str | None
    cluster_id: UUID | None
    cluster_name: str | None
    leads: int
    free: bool
    """Whether nobody holds it, is offered it, or has a part of it."""
    waiting: int
    """How many are in line for it or for a part of it."""

    @property
    def name(self) -> str:
        """The place in words."""
        return place_name(self.kind, self.city, self.state, self.zip or self.cluster_name)


class TerritoryBoard(BaseModel):
    """What a buyer holds and waits for, what is free for it, and what that does to prices."""

    tier: SubscriptionTier | None
    allowed: dict[TerritoryKind, int]
    left: dict[TerritoryKind, int]
    price_factor: Decimal = EXCLUSIVE_FACTOR
    """A lead in a held territory costs so many times its list price."""
    territories: list[TerritoryView]
    places: list[NearPlace]


def place_name(kind: TerritoryKind, city: str, state: str, detail: str | None) -> str:
    """A place in words."""
    if kind is TerritoryKind.CITY:
        return f"{city}, {state}"
    if kind is TerritoryKind.ZIP:
        return f"ZIP {detail} in {city}, {state}"
    return f"Cluster {detail or 'that is gone'} in {city}, {state}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tier allows and what of it is left."""

    allowed: dict[TerritoryKind, int]
    left: dict[TerritoryKind, int]


def allowance(tier: SubscriptionTier | None, rows: Sequence[Mapping[str, Any]]) -> Allowance:
    """What a buyer with these territories may hold, and what it may still ask for."""
    allowed = dict(TIER_TERRITORIES[tier]) if tier else {}
    live = [row["kind"] for row in rows if row["status"] != TerritoryStatus.ENDED]
    return Allowance(allowed, {kind: places_left(tier, kind, live.count(kind)) for kind in allowed})
