"""Rows of uploaded files, and the contact that a person is."""

from __future__ import annotations

import io

import pytest

from services.marketplace.domain.reactivation import (
    BadHeader,
    RowFault,
    UploadedLead,
    lead_of,
    read_csv,
    retry_delay,
    target_of,
)


def rows_of(text: str) -> list[tuple[int, UploadedLead | RowFault]]:
    return list(read_csv(io.StringIO(text, newline="")))


def test_good_rows_are_kept_and_bad_ones_told_by_line() -> None:
    found = rows_of(
        "Name, PHONE ,email,extra\n"
        "Pat Doe,(512) 555-0123,Pat@Homes.example,x\n"
        "Sam Roe,12,,x\n"
        "\n"
        '"Two\nLines",5125550124,,x\n'
        "Ann,5125550125\n"
        "Zoe,512-555-0126,,\n"
    )
    leads = {line: row for line, row in found if isinstance(row, UploadedLead)}
    faults = {line: row.reason for line, row in found if isinstance(row, RowFault)}

    assert {line: lead.phone for line, lead in leads.items()} == {2: "+15125550123", 8: "+15125550126"}
    assert leads[2].email == "pat@homes.example"
    assert faults == {
        3: "phone: not a North American phone number",
        5: "name: control characters are not allowed",
        7: "2 cells where the first line names 4",
    }


@pytest.mark.parametrize(
    "name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", " =1", "", "x" * 101, "a\ufffdb", "a\x00b"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert isinstance(lead_of(1, {"name": name, "phone": "5125550123"}), RowFault)


@pytest.mark.parametrize("name", ["x" * 100, "O'Neil-Smith", "Ünal"])
def test_a_name_of_up_to_a_hundred_characters_is_taken(name: str) -> None:
    lead = lead_of(1, {"name": name, "phone": "5125550123"})
    assert isinstance(lead, UploadedLead)
    assert lead.name == name


@pytest.mark.parametrize(
    "given", [None, 5, [], "x", {"name": "Pat"}, {"name": "Pat", "phone": "5125550123", "x": 1}]
)
def test_what_is_no_lead_is_told(given: object) -> None:
    assert isinstance(lead_of(3, given), RowFault)


def test_a_fault_quotes_no_person() -> None:
    fault = lead_of(1, {"name": "Pat Doe", "phone": "555-SECRET"})
    assert isinstance(fault, RowFault)
    assert "SECRET" not in fault.reason


@pytest.mark.parametrize("header", ["", "name,mail\n", "phone\n", "name,phone,phone\n"])
def test_a_file_without_its_columns_is_refused_whole(header: str) -> None:
    with pytest.raises(BadHeader):
        rows_of(header)


def test_a_cell_beyond_all_measure_is_one_bad_row() -> None:
    found = rows_of(f"name,phone\n{'x' * 200_000},5125550123\nPat,5125550124\n")
    assert [type(row) for _, row in found] == [RowFault, UploadedLead]


@pytest.mark.parametrize(
    ("by_phone", "by_email", "contact", "conflict"),
    [
        ((), (), None, False),
        (("a",), (), "a", False),
        ((), ("a",), "a", False),
        (("a",), ("a",), "a", False),
        (("a",), ("b",), None, True),
        (("a", "b"), (), None, True),
    ],
)
def test_one_hit_is_the_contact_and_two_are_a_conflict(
    by_phone: tuple[str, ...], by_email: tuple[str, ...], contact: str | None, conflict: bool
) -> None:
    target = target_of(by_phone, by_email)
    assert (target.contact_id, target.conflict) == (contact, conflict)


def test_three_tries_follow_the_first_after_one_two_and_four_seconds() -> None:
    assert [retry_delay(attempt) for attempt in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, None]
