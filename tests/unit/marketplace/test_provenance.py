"""What a homeowner may read: their own values, each with origin and purpose, nothing of another person."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.marketplace.domain.aged_person import PERSON_FIELDS
from services.marketplace.domain.provenance import (
    ANOTHERS_EMAIL,
    FIELDS,
    MAY_NAME_OTHERS,
    OLD_LEAD,
    OTHERS,
    OTHERS_TOO,
    UNRECORDED,
    Fact,
    Held,
    aged_facts,
    answer_facts,
    name_of_one,
    names_of,
    own_facts,
)
from services.marketplace.repository.provenance import DETAIL_FIELDS, LEAD_FIELDS, PARCEL_FIELDS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADA = uuid4()


def held(field: str, value: str | None, subject: UUID | None = ADA) -> Held:
    return Held(subject, "Property record", field, value, "harrow_tx_parcels", NOW)


def shown(*found: Held, first: bool = True) -> dict[str, Fact]:
    return {fact.field: fact for fact in own_facts(found, email="Ada@example.com", named_first=first)}


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("ADA LOVELACE", None),
        ("LOVELACE ADA & BOB", "LOVELACE ADA"),
        ("LOVELACE, ADA AND BOB HOPPER", "LOVELACE, ADA"),
        ("ADA LOVELACE; BOB HOPPER", "ADA LOVELACE"),
        ("ADA LOVELACE/BOB HOPPER", "ADA LOVELACE"),
        ("ADA LOVELACE &", None),
        ("ANDERSON SANDY", None),
        ("SMITH & SONS LLC", None),
        ("", None),
    ],
)
def test_a_record_of_several_owners_gives_the_first(name: str, one: str | None) -> None:
    assert name_of_one(name) == one


def test_one_owners_facts_are_shown_whole() -> None:
    facts = shown(
        held("owner_name", "ADA LOVELACE"), held("owner_phone", "+15125550123"), held("sqft", "1800")
    )
    assert [fact.value for fact in facts.values()] == ["ADA LOVELACE", "+15125550123", "1800"]
    assert {fact.withheld for fact in facts.values()} == {None}


def test_of_two_owners_the_first_is_shown_where_the_address_is_surely_hers() -> None:
    facts = shown(held("owner_name", "ADA & BOB"), held("owner_phone", "+15125550123"))
    assert (facts["owner_name"].value, facts["owner_name"].withheld) == ("ADA", OTHERS_TOO)
    assert facts["owner_phone"].value == "+15125550123"


def test_of_two_owners_nobody_is_named_where_the_address_may_be_eithers() -> None:
    facts = shown(
        held("owner_name", "ADA & BOB"),
        held("owner_phone", "+15125550123"),
        held("mailing_address", "PO BOX 1"),
        first=False,
    )
    assert [(fact.value, fact.withheld) for fact in facts.values()] == [
        (None, OTHERS),
        (None, OTHERS),
        ("PO BOX 1", None),
    ]


def test_a_record_of_two_hides_nothing_of_another_record() -> None:
    facts = own_facts(
        [held("owner_name", "ADA & BOB"), held("owner_phone", "+15125550123", uuid4())],
        email="ada@example.com",
        named_first=False,
    )
    assert [fact.value for fact in facts] == [None, "+15125550123"]


@pytest.mark.parametrize(
    ("email", "value", "withheld"),
    [
        ("ada@EXAMPLE.com", "ada@EXAMPLE.com", None),
        ("bob@example.com", None, ANOTHERS_EMAIL),
        (None, None, ANOTHERS_EMAIL),
    ],
)
def test_an_address_is_shown_to_whom_proved_it(
    email: str | None, value: str | None, withheld: str | None
) -> None:
    fact = shown(held("owner_email", email))["owner_email"]
    assert (fact.value, fact.withheld) == (value, withheld)


def test_a_whole_county_record_is_named_and_not_shown() -> None:
    fact = shown(held("raw_data", "{}"))["raw_data"]
    assert (fact.value, fact.withheld) == (None, MAY_NAME_OTHERS)


def test_a_value_without_origin_says_so() -> None:
    (fact,) = own_facts([Held(ADA, "Lead", "beds", "3", None, None)], email="", named_first=True)
    assert fact.source == UNRECORDED


def test_every_field_that_is_read_has_a_name_and_a_purpose() -> None:
    assert {*LEAD_FIELDS, *PARCEL_FIELDS, *DETAIL_FIELDS} <= set(FIELDS)
    assert all(label and why for label, why in FIELDS.values())


def test_an_older_leads_co_borrower_is_left_out_and_the_rest_told() -> None:
    person = dict.fromkeys(PERSON_FIELDS, "x") | {"email": "ada@example.com", "lender": ""}
    found = list(aged_facts(person, subject_id=ADA, source="leads-co", obtained_at=NOW))
    fields = {each.field for each in found}
    assert not [field for field in fields if field.startswith("co_borrower")]
    assert "lender" not in fields
    assert {"owner_email", "birth_date", "mortgage_amount"} <= fields
    fact = shown(held("mortgage_amount", "1"))["mortgage_amount"]
    assert (fact.label, fact.why) == ("Mortgage amount", OLD_LEAD)


@pytest.mark.parametrize(
    ("first", "names"), [(True, {"ADA LOVELACE", "GRACE HOPPER"}), (False, {"GRACE HOPPER"})]
)
def test_a_person_is_looked_for_under_own_names_only(first: bool, names: set[str]) -> None:
    found = [
        held("owner_name", "ADA LOVELACE & BOB"),
        held("owner_name", "GRACE HOPPER"),
        held("owner_name", None),
    ]
    assert names_of(found, named_first=first) == names


def test_what_a_search_was_told_is_told_with_its_origin() -> None:
    told = {
        "value": "+15125550199",
        "source": "v",
        "licence_id": "l",
        "fetched_at": NOW.isoformat(),
        "confidence": 0.8,
    }
    (fact,) = answer_facts({"phone": told, "email": None, "tried": ["v"]}, ADA)
    assert (fact.field, fact.value, fact.source, fact.obtained_at) == (
        "owner_phone",
        "+15125550199",
        "v",
        NOW,
    )
    assert (fact.licence, fact.confidence) == ("l", 0.8)
