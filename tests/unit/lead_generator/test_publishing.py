"""The gate in front of the market."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.publishing import LeadFacts, Way, publication_of
from shared.schemas.confidence import band_of
from shared.schemas.enums import ConfidenceBand, LeadStatus, PublishLabel

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READY = LeadFacts(
    offer_reasons=(),
    score=92,
    price=Decimal("200.00"),
    confidence=Decimal("0.97"),
    review="none",
    has_storm_trigger=False,
    way="pass",
)


@pytest.mark.parametrize(
    ("confidence", "band"),
    [
        ("1", "publish"),
        ("0.95", "publish"),
        ("0.9499", "onsite_check"),
        ("0.70", "onsite_check"),
        ("0.6999", "review"),
        ("0", "review"),
    ],
)
def test_bands_at_their_edges(confidence: str, band: str) -> None:
    assert band_of(Decimal(confidence)) is ConfidenceBand(band)


@pytest.mark.parametrize(
    ("way", "status", "label", "reason"),
    [
        ("pass", "available", None, "confident"),
        ("onsite_check", "available", "onsite_check", "needs_onsite_check"),
        ("review", "review", None, "waits_for_review"),
        ("none", "processing", None, "analysis_not_validated"),
    ],
)
def test_the_way_of_validation_decides_status_and_label(
    way: Way, status: str, label: str | None, reason: str
) -> None:
    facts = replace(READY, confidence=Decimal("0.94"), way=way)

    publication = publication_of(facts, NOW)

    assert publication.status is LeadStatus(status)
    assert publication.label == (PublishLabel(label) if label else None)
    assert publication.reason == reason
    assert (publication.available_until is not None) is (status == "available")


def test_a_reviewer_may_approve_what_the_model_doubts() -> None:
    publication = publication_of(
        replace(READY, confidence=Decimal("0.40"), way="review", review="approved"), NOW
    )

    assert (publication.status, publication.label) == (LeadStatus.AVAILABLE, None)


def test_a_reviewer_may_refuse_what_the_model_believes() -> None:
    assert publication_of(replace(READY, review="rejected"), NOW).status is LeadStatus.WITHDRAWN


@pytest.mark.parametrize("change", [{"price": None}, {"score": None}, {"price": Decimal(0)}])
def test_nothing_unpriced_goes_on_sale(change: dict[str, object]) -> None:
    publication = publication_of(replace(READY, review="approved", **change), NOW)  # type: ignore[arg-type]

    assert (publication.status, publication.reason) == (LeadStatus.PROCESSING, "not_for_sale_below_60")


def test_a_roof_nobody_looked_at_is_not_published() -> None:
    publication = publication_of(replace(READY, confidence=None), NOW)

    assert (publication.status, publication.reason) == (LeadStatus.PROCESSING, "roof_not_analysed")


def test_the_law_comes_before_everything() -> None:
    facts = replace(READY, offer_reasons=("POLICY_STATE_DISABLED",), review="approved")

    publication = publication_of(facts, NOW)

    assert (publication.status, publication.reason) == (LeadStatus.SUPPRESSED, "POLICY_STATE_DISABLED")


@pytest.mark.parametrize(("storm", "days"), [(False, 90), (True, 180)])
def test_a_lead_leaves_the_shelf_after_its_time(storm: bool, days: int) -> None:
    publication = publication_of(replace(READY, has_storm_trigger=storm), NOW)

    assert publication.available_until == NOW + timedelta(days=days)


@given(
    st.builds(
        LeadFacts,
        offer_reasons=st.sampled_from([(), ("SALE_OPT_OUT",)]),
        score=st.none() | st.integers(0, 100),
        price=st.none() | st.just(Decimal("125.00")),
        confidence=st.none() | st.decimals(0, 1, places=4),
        review=st.sampled_from(["none", "approved", "rejected"]),
        has_storm_trigger=st.booleans(),
        way=st.sampled_from(get_args(Way)),
    )
)
def test_whatever_is_available_is_lawful_priced_and_looked_at(facts: LeadFacts) -> None:
    publication = publication_of(facts, NOW)

    if publication.status is LeadStatus.AVAILABLE:
        assert not facts.offer_reasons
        assert facts.price is not None
        assert facts.confidence is not None
        assert facts.review != "rejected"
        assert publication.available_until is not None
        doubtful = facts.way == "onsite_check" and facts.review == "none"
        assert (publication.label is PublishLabel.ONSITE_CHECK) is doubtful
        assert facts.way in ("pass", "onsite_check") or facts.review == "approved"
