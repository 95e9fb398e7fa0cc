"""When a scored lead goes on sale, under which label and until when (C-02, C-03, G-17, G-57)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from shared.schemas.confidence import band_of
from shared.schemas.enums import ConfidenceBand, LeadStatus, PublishLabel

SHELF_DAYS: Final = 90
STORM_SHELF_DAYS: Final = 180
STORM_WATCH_MONTHS: Final = 24
"""How long after its shelf life, or its sale, an address is watched for storms (G-53)."""
NOT_FOR_SALE: Final = "not_for_sale_below_60"

Review = Literal["none", "approved", "rejected"]
Way = Literal["none", "pass", "onsite_check", "review"]


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What the gate looks at; `offer_reasons` are the codes of `can_offer`, `way` is where validation sent it."""

    offer_reasons: tuple[str, ...]
    score: int | None
    price: Decimal | None
    confidence: Decimal | None
    review: Review
    has_storm_trigger: bool
    way: Way


@dataclass(frozen=True, slots=True)
class Publication:
    """The lead's next status with label, band and the reason in words; `available_until` only when on sale."""

    status: LeadStatus
    reason: str
    band: ConfidenceBand | None = None
    label: PublishLabel | None = None
    available_until: datetime | None = None


def publication_of(facts: LeadFacts, now: datetime) -> Publication:
    """The gate: law first, then the reviewer, then price, then the way of validation."""
    band = None if facts.confidence is None else band_of(facts.confidence)
    if facts.offer_reasons:
        return Publication(LeadStatus.SUPPRESSED, ", ".join(facts.offer_reasons), band)
    if facts.review == "rejected":
        return Publication(LeadStatus.WITHDRAWN, "rejected_in_review", band)
    if facts.score is None or facts.price is None or facts.price <= 0:
        return Publication(LeadStatus.PROCESSING, NOT_FOR_SALE, band)
    if band is None:
        return Publication(LeadStatus.PROCESSING, "roof_not_analysed")
    if facts.way == "none":
        return Publication(LeadStatus.PROCESSING, "analysis_not_validated", band)
    return _by_way(facts, band, now)


def _by_way(facts: LeadFacts, band: ConfidenceBand, now: datetime) -> Publication:
    until = available_until(now, has_storm_trigger=facts.has_storm_trigger)
    if facts.review == "approved":
        return Publication(LeadStatus.AVAILABLE, "approved_in_review", band, available_until=until)
    if facts.way == "pass":
        return Publication(LeadStatus.AVAILABLE, "confident", band, available_until=until)
    if facts.way == "onsite_check":
        label = PublishLabel.ONSITE_CHECK
        return Publication(LeadStatus.AVAILABLE, "needs_onsite_check", band, label, until)
    return Publication(LeadStatus.REVIEW, "waits_for_review", band)


def available_until(now: datetime, *, has_storm_trigger: bool) -> datetime:
    """When a lead leaves the shelf: 90 days, 180 for a storm's (G-17)."""
    return now + timedelta(days=STORM_SHELF_DAYS if has_storm_trigger else SHELF_DAYS)
