"""A preview points at nobody."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from services.marketplace.api import leads
from services.marketplace.domain.preview import LeadPreview, preview, street_of, value_range
from services.marketplace.domain.sold_lead import PERSON_FIELDS

LEAD: dict[str, Any] = {
    "id": UUID(int=7),
    "address": "1152 WALNUT RD APT 3",
    "city": "Harrow",
    "state": "TX",
    "zip": "76998",
    "property_value": Decimal(320_000),
    "quality_score": 87,
    "grade": "B",
    "price": Decimal("210.00"),
    "lead_class": "data",
    "publish_label": None,
    "overall_condition": "poor",
    "reasons": ["weather_event"],
    "available_until": None,
    "cell_lng": None,
    "cell_lat": None,
}


@pytest.mark.parametrize(("homes", "street"), [(0, None), (4, None), (5, "WALNUT RD")])
def test_a_preview_hides_the_street_of_fewer_than_five_homes(homes: int, street: str | None) -> None:
    assert preview({**LEAD, "street_homes": homes}).street == street


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("1152 WALNUT RD", "WALNUT RD"),
        ("12-B WALNUT RD", "WALNUT RD"),
        ("12 1/2 WALNUT RD", "WALNUT RD"),
        ("12 1ST ST # 4", "1ST ST"),
        ("12 1ST ST #4", "1ST ST"),
        ("12 LOTUS LN", "LOTUS LN"),
        ("12 WALNUT RD, HARROW TX", "WALNUT RD"),
    ],
)
def test_a_street_has_no_house_number(address: str, street: str) -> None:
    assert street_of(address) == street


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None),
        (Decimal(0), None),
        (Decimal(1), "0 to 100,000 USD"),
        (Decimal(99_999), "0 to 100,000 USD"),
        (Decimal(100_000), "100,000 to 200,000 USD"),
        (Decimal(999_999), "900,000 to 1,000,000 USD"),
        (Decimal(1_000_000), "1,000,000 USD and more"),
    ],
)
def test_a_value_is_told_as_a_range(value: Decimal | None, words: str | None) -> None:
    assert value_range(value) == words


def test_a_preview_has_no_room_for_a_person_or_a_point() -> None:
    private = {*PERSON_FIELDS, "address", "unit", "apn", "lat", "lng", "images"}
    assert not private & set(LeadPreview.model_fields)
    shown = preview({**LEAD, "street_homes": 9, "owner_name": "ADA LOVELACE"})
    assert shown.cell is None
    with pytest.raises(ValidationError):
        LeadPreview.model_validate({**shown.model_dump(), "owner_name": "ADA LOVELACE"})


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/leads", {"LeadPreview"}),
        ("/api/leads/my-leads", {"OwnedLead"}),
        ("/api/leads/{lead_id}", {"LeadPreview", "SoldLead"}),
    ],
)
def test_every_answer_about_leads_has_a_schema(path: str, names: set[str]) -> None:
    app = FastAPI()
    app.include_router(leads.router)
    answer = app.openapi()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert set(re.findall(r"#/components/schemas/(\w+)", str(answer))) == names
