"""The badges of a bought lead's owner: allowed, forbidden with the reason, or not on file."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from services.marketplace.domain.contact_terms import channels, house_address
from services.marketplace.domain.sold_lead import SoldLead
from shared.schemas.enums import LeadClass


def sold(**changes: Any) -> SoldLead:
    values: dict[str, Any] = dict.fromkeys(SoldLead.model_fields)
    facts = {
        "owned": True,
        "id": uuid4(),
        "sale_id": uuid4(),
        "price_paid": 175,
        "address": "12 OAK ST",
        "city": "Harrow",
        "state": "TX",
        "zip": "76998",
        "owner_email_verified": False,
        "owner_phone_verified": False,
        "lead_class": LeadClass.DATA,
        "prospect_reason": [],
        "triggers": [],
        "images": [],
        "provenance": [],
        "masked": {},
        "notice": "",
    }
    return SoldLead.model_validate({**values, **facts, **changes})


def badge(lead: SoldLead, name: str) -> tuple[str, str, str | None]:
    found = next(each for each in channels(lead) if each.name == name)
    return found.state, found.words, found.value


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        (
            {"owner_phone": "+12545550134"},
            "call",
            ("ok", "Call ok, 9 am to 8 pm at the house", "+12545550134"),
        ),
        ({}, "call", ("none", "No phone on file", None)),
        ({"masked": {"owner_phone": ["DNC_LISTED"]}}, "call", ("failed", "Do not call", None)),
        ({"owner_phone": "+12545550134"}, "text", ("failed", "Do not text", None)),
        ({"owner_email": "ada@example.com"}, "email", ("ok", "E-mail ok", "ada@example.com")),
        ({}, "email", ("none", "No e-mail on file", None)),
        (
            {"masked": {"owner_email": ["FIELD_SOURCE_PROHIBITED"]}},
            "email",
            ("failed", "Do not e-mail", None),
        ),
        ({"mailing_address": "PO BOX 4"}, "letter", ("ok", "Letter ok", "PO BOX 4")),
        ({}, "letter", ("ok", "Letter ok", "12 OAK ST, Harrow, TX 76998")),
    ],
)
def test_every_channel_says_whether_it_may_be_used(
    changes: dict[str, Any], name: str, expected: tuple[str, str, str | None]
) -> None:
    assert badge(sold(**changes), name) == expected


def test_a_channel_that_is_kept_back_says_every_reason() -> None:
    lead = sold(masked={"owner_phone": ["DNC_LISTED", "FIELD_PROVENANCE_MISSING"]})
    assert channels(lead)[0].why == "it is on the do-not-call list; we cannot prove where it comes from"


def test_an_address_names_its_unit_and_lives_without_a_zip() -> None:
    assert house_address(sold(unit="APT 3", zip=None)) == "12 OAK ST APT 3, Harrow, TX"
