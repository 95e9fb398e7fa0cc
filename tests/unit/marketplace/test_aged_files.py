"""Lines that come in, and cells that go out."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from services.marketplace.domain.aged_export import COLUMNS, harmless, write_csv
from services.marketplace.domain.aged_person import AgedRow, RowFault, read_row
from shared.schemas.aged_enums import AgedClass

NOW = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)
LINE = {
    "classification": "gold",
    "created_at_utc": "2026-05-01T10:00:00Z",
    "state": "la",
    "county": "Caddo",
    "city": "Shreveport",
    "zip": "71101",
    "first_name": "John",
    "last_name": "Doe",
    "phone": "(318) 555-0100",
    "email": "John@Doe.example",
    "mortgage_amount": "$245,000.50",
    "estimated_equity": "-1200",
    "sale_date": "03/15/2024",
}


def test_a_line_becomes_a_lead() -> None:
    row = read_row(2, LINE, NOW)

    assert isinstance(row, AgedRow)
    assert (row.classification, row.state, row.originated_at) == (
        AgedClass.GOLD,
        "LA",
        datetime(2026, 5, 1, 10, tzinfo=UTC),
    )
    assert row.person["phone"] == "+13185550100"
    assert row.person["mortgage_amount"] == "245000.50"
    assert (row.person["estimated_equity"], row.person["sale_date"]) == ("-1200", "2024-03-15")


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_brought_there() -> None:
    plain = read_row(2, LINE | {"created_at_utc": "2026-05-01 10:00:00"}, NOW)
    zoned = read_row(2, LINE | {"created_at_utc": "2026-05-01T05:00:00-05:00"}, NOW)

    assert isinstance(plain, AgedRow)
    assert isinstance(zoned, AgedRow)
    assert plain.originated_at == zoned.originated_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert plain.identity == zoned.identity


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": "555"}, "phone: not a North American phone number"),
        ({"phone": ""}, "phone: is missing"),
        ({"classification": "Bronze"}, "classification: is neither Gold nor Silver"),
        ({"classification": ""}, "classification: is missing"),
        ({"state": "Louisiana"}, "state: not a state"),
        ({"created_at_utc": "yesterday"}, "created_at_utc: not a time"),
        ({"created_at_utc": "2026-11-03T12:30:01Z"}, "created_at_utc: lies in the future"),
        ({"created_at_utc": "1066-01-01"}, "created_at_utc: lies before 1950"),
        ({"mortgage_amount": "much"}, "mortgage_amount: not a number"),
        ({"sale_date": "2024-13-01"}, "sale_date: not a date"),
        ({"zip": "7110"}, "zip: not a ZIP code"),
        ({"city": "a\x00b"}, "city: control characters"),
        ({"lender": "x" * 201}, "lender: longer than 200"),
        ({"email": "nobody"}, "email: not an e-mail address"),
    ],
)
def test_a_fault_names_line_column_and_reason(changes: dict[str, str], words: str) -> None:
    fault = read_row(7, LINE | changes, NOW)

    assert isinstance(fault, RowFault)
    assert str(fault).startswith(f"line 7: {words}")


def test_the_class_of_a_file_is_that_of_lines_without_one_only() -> None:
    named = read_row(2, LINE, NOW, classification=AgedClass.SILVER)
    unnamed = read_row(2, LINE | {"classification": ""}, NOW, classification=AgedClass.SILVER)

    assert isinstance(named, AgedRow)
    assert isinstance(unnamed, AgedRow)
    assert (named.classification, unnamed.classification) == (AgedClass.GOLD, AgedClass.SILVER)


def test_a_file_has_33_columns() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 33
    assert COLUMNS[:3] == ("purchase_price", "purchase_date", "age_bucket_at_purchase")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", " ="])
def test_text_that_begins_like_a_formula_gets_an_apostrophe(first: str) -> None:
    assert harmless("lender", f"{first}cmd|'/C calc'!A0") == f"'{first}cmd|'/C calc'!A0"
    assert harmless("phone", f"{first}1+cmd") == f"'{first}1+cmd"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("phone", "+13185550100"),
        ("estimated_equity", "-1200"),
        ("estimated_equity", "-1200.55"),
        ("mortgage_amount", "245000.50"),
        ("lender", "Bank = Trust"),
        ("last_name", "O'Neil-Smith"),
        ("lender", ""),
    ],
)
def test_phones_numbers_and_plain_text_stay_as_they_are(column: str, value: str) -> None:
    assert harmless(column, value) == value


def test_a_number_in_a_text_column_and_a_formula_in_a_number_column_are_text() -> None:
    assert harmless("last_name", "-1200") == "'-1200"
    assert harmless("estimated_equity", "-1200+cmd") == "'-1200+cmd"


def test_what_was_neutralised_is_counted_by_column_and_quoting_survives() -> None:
    rows = [
        {"first_name": "=1+1", "phone": "+13185550100", "lender": 'A, "B"\nC'},
        {"first_name": "@x", "estimated_equity": "-5"},
    ]
    export = write_csv(rows)
    read = list(csv.DictReader(io.StringIO(export.text, newline="")))

    assert export.neutralised == {"first_name": 2}
    assert (read[0]["first_name"], read[0]["phone"], read[0]["lender"]) == (
        "'=1+1",
        "+13185550100",
        'A, "B"\nC',
    )
    assert read[1]["estimated_equity"] == "-5"
