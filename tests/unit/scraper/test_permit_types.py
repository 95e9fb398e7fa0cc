from __future__ import annotations

import pytest

from services.scraper.domain.permit_types import PermitCategory, PermitStatus, category_of, status_of
from services.scraper.domain.property_types import property_type_of


@pytest.mark.parametrize(
    ("text", "status"),
    [("COMPLETE", "completed"), ("ACTIVE", "issued"), ("EXPIRED", "expired"), ("CANCELLED", "cancelled"),
     ("PHASED PERMITTING", "issued"), ("Submitted", "applied"), ("Final", "completed"), ("Voided", "cancelled"),
     ("Issued", "issued"), ("SIGNED OFF", "completed"), ("Resubmittal Required", "applied"),
     ("PLAN EXAM - IN PROCESS", "applied"), ("Awaiting Client Reply", "applied"), ("Something", None), (None, None)],
)  # fmt: skip
def test_statuses_of_publishers_become_ours(text: str | None, status: str | None) -> None:
    assert status_of(text) == status


@pytest.mark.parametrize(
    "text",
    [
        "REJECTED: INCORRECT PERMIT TYPE, MUST BE CACK.",
        "rejected: incorrect permit type",
        "must reapply. this app to be cancelled. x",
    ],
)
def test_a_refusal_written_into_the_description_counts(text: str) -> None:
    assert status_of("ACTIVE", text.upper()) is PermitStatus.REJECTED


def test_the_word_rejected_inside_a_sentence_does_not() -> None:
    assert status_of(None, "REPLACE ROOF; EARLIER PLAN WAS REJECTED BY OWNER") is None


@pytest.mark.parametrize(
    ("text", "category"),
    [("PERMIT - EXPRESS PERMIT PROGRAM / Reroofing", PermitCategory.ROOFING), ("PERMIT - SIGNS", PermitCategory.SIGN),
     ("Building Residential - New", PermitCategory.NEW_CONSTRUCTION), ("Mechanical Work", PermitCategory.MECHANICAL),
     ("PERMIT - WRECKING/DEMOLITION", PermitCategory.DEMOLITION), (None, PermitCategory.OTHER),
     ("Small-Scale Solar PV System", PermitCategory.SOLAR), ("COMMERCIAL ROOF", PermitCategory.ROOFING),
     ("ROOF DECK", PermitCategory.OTHER)],
)  # fmt: skip
def test_kinds_of_permits_are_recognised(text: str | None, category: PermitCategory) -> None:
    assert category_of(text) is category


@pytest.mark.parametrize(
    ("text", "kind"),
    [("SINGLE FAMILY RESIDENCE", "single_family"), ("MOBILE HOME", "mobile_home"), ("Condominium", "condo"),
     ("Apartments 5+ units", "apartments"), ("VACANT RESIDENTIAL", "vacant"), ("RETAIL STORE", "commercial"),
     ("TOWNHOUSE", "townhouse"), ("", None)],
)  # fmt: skip
def test_uses_of_assessors_become_our_property_types(text: str, kind: str | None) -> None:
    assert property_type_of(text) == kind
