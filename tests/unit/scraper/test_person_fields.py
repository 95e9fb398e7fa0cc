"""Which law keeps persons out of which state's rows, what lifts it, and what stays of a row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.orchestrator.domain.progress import restriction
from services.scraper.domain.person_fields import SOURCE_TERMS, Filings, PersonRules, without
from services.scraper.domain.rows import ParcelRow, PermitRow, Rejected
from shared.compliance.policy import policy_at

SALE = policy_at(datetime(2026, 11, 22, tzinfo=UTC)).sale
LAWS, FIELDS = SALE["person_fields_at_entry"], SALE["stripped_at_entry"]


def rules(**filed: object) -> PersonRules:
    return PersonRules(LAWS, Filings(**filed))  # type: ignore[arg-type]


def permit(state: str) -> PermitRow:
    return PermitRow(
        jurisdiction="Harrow",
        permit_number="1",
        source="feed",
        address="1 OAK ST",
        address_key="1||OAK|ST|||76998",
        city="Harrow",
        state=state,
        home_city="Harrow",
        contractor_name="WALKER CARLOS",
        contractor_license="17",
        work_description="reroof",
    )


@pytest.mark.parametrize(
    ("state", "law"),
    [
        ("KS", "K.S.A. 45-230"),
        ("SC", "S.C. Code 30-2-50"),
        ("WA", "AGO 1998 No. 2"),
        ("AZ", "A.R.S. 39-121.03"),
        ("CA", "Delete Act"),
        ("NJ", "Daniel's Law"),
        ("TX", None),
    ],
)
def test_each_state_names_its_law_and_the_operator_reads_of_it(state: str, law: str | None) -> None:
    assert rules().law_against(state, "feed") == law
    assert (restriction(state) is not None) == (law is not None)


def test_what_a_rule_asks_for_lifts_it_and_nothing_else_does() -> None:
    everything = {
        "statements": frozenset({("AZ", "feed"), ("KS", "")}),
        "brokers": frozenset({"CA", "SC"}),
        "switched_on": frozenset({"NJ", "WA"}),
    }
    lifted = rules(**everything)
    assert [state for state in LAWS if lifted.law_against(state, "feed") is None] == ["AZ", "CA", "NJ"]
    assert lifted.law_against("AZ", "another feed") == "A.R.S. 39-121.03", "a statement is for one source"
    assert rules(statements=frozenset({("AZ", "")})).law_against("AZ", "another feed") is None


def test_a_sources_own_terms_bind_where_no_law_does() -> None:
    strict = PersonRules(LAWS, Filings(), {"feed": "prohibited", "desk": "statement_required"})
    assert strict.law_against("TX", "feed") == SOURCE_TERMS
    assert strict.law_against("TX", "desk") == SOURCE_TERMS
    assert strict.law_against("TX", "other") is None
    filed = PersonRules(LAWS, Filings(statements=frozenset({("TX", "desk")})), {"desk": "statement_required"})
    assert filed.law_against("TX", "desk") is None


def test_rows_of_many_places_lose_their_persons_state_by_state() -> None:
    published: list[PermitRow | Rejected] = [permit("TX"), permit("KS"), Rejected("missing_date")]
    texan, kansan, refused = rules().strip(published, FIELDS["permits"])
    assert texan == permit("TX")
    assert isinstance(kansan, PermitRow)
    assert (kansan.contractor_name, kansan.contractor_license) == (None, None)
    assert (kansan.work_description, kansan.address) == ("reroof", "1 OAK ST"), "facts of the house stay"
    assert refused == Rejected("missing_date")


def test_a_parcel_keeps_what_is_told_of_the_house() -> None:
    parcel = ParcelRow(
        "Ocotal", "AZ", "1", "1 OAK ST", "key", "Sable", "layer",
        owner_name="WALKER", mailing_address="PO BOX 1", owner_occupied=False, year_built=1990,
        owner_email="w@mail.example", owner_phone="3255550142",
    )  # fmt: skip
    cleared = without(parcel, FIELDS["parcels"])
    assert isinstance(cleared, ParcelRow)
    assert (cleared.owner_name, cleared.mailing_address) == (None, None)
    assert (cleared.owner_email, cleared.owner_phone) == (None, None)
    assert (cleared.owner_occupied, cleared.year_built) == (False, 1990)


def test_the_door_is_as_strict_as_the_sale() -> None:
    """What may never be sold is not stored either."""
    at_sale = SALE["public_record_states"]
    lifted_by = {"prohibited": "never", "statement": "statement"}
    assert {state: LAWS[state]["lifted_by"] for state in at_sale} == {
        state: lifted_by[law] for state, law in at_sale.items()
    }
    assert set(SALE["states_off_by_default"]) <= set(LAWS)
    assert set(FIELDS["parcels"]) == set(SALE["public_record_fields"])
