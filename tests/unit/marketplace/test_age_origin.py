"""The mark beside a roof's age tells by what it was estimated and where that fact is from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.marketplace.domain.sold_lead import Origin
from services.marketplace.pages.leads import age_origin
from shared.schemas.enums import RoofAgeEvidence

ASKED = datetime(2026, 5, 1, tzinfo=UTC)


def fact(field: str) -> dict[str, Origin]:
    """A stored field with its origin."""
    return {field: Origin(field=field, source="county assessor", date=ASKED, confidence=0.9, licence=None)}


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        (RoofAgeEvidence.PERMIT, "roof_installed_on"),
        (RoofAgeEvidence.YEAR_BUILT, "year_built"),
        (RoofAgeEvidence.IMAGES, "condition"),
        (RoofAgeEvidence.VENDOR, "roof_age_mid"),
    ],
)
def test_it_carries_source_date_and_confidence_of_the_fact_it_rests_on(
    evidence: RoofAgeEvidence, field: str
) -> None:
    origin = age_origin(evidence, fact(field))["roof_age"]
    assert "county assessor" in origin.source.lower()
    assert origin.source.startswith("estimate by")
    assert (origin.date, origin.confidence) == (ASKED, 0.9)


@pytest.mark.parametrize("evidence", list(RoofAgeEvidence))
def test_without_that_fact_there_is_no_mark(evidence: RoofAgeEvidence) -> None:
    assert age_origin(evidence, fact("owner_name")) == {}


def test_an_unknown_age_has_no_mark() -> None:
    assert age_origin(None, fact("year_built")) == {}
