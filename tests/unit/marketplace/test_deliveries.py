"""What a buyer's own system is told: field maps, the file, and the waits between sendings."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from services.marketplace.domain.deliveries import (
    RETRY_SECONDS,
    Record,
    mapped,
    may_take_later,
    record_of,
    retry_wait,
    words_of_test,
    write_csv,
)
from services.marketplace.domain.sold_lead import SoldLead
from services.marketplace.service.deliveries import field_map, field_maps
from shared.errors import InvalidInput

PRESETS = ("plain", "jobnimbus", "acculynx", "servicetitan")


def record(**change: str | None) -> Record:
    # Every field that a lead has, without the values of a whole lead.
    fields: dict[str, Any] = dict.fromkeys(SoldLead.model_fields)
    empty = SoldLead.model_construct(None, **fields)
    return {**record_of(empty), **change}


@pytest.mark.parametrize("name", PRESETS)
def test_every_field_of_a_map_exists_and_no_two_share_a_name(name: str) -> None:
    chosen = field_map(name)
    assert set(chosen) <= set(record())
    assert len(set(chosen.values())) == len(chosen)
    assert {"sale_id", "owner_name", "owner_phone", "owner_email", "address", "notice"} <= set(chosen)


def test_the_presets_are_these_and_plain_tells_everything_by_our_names() -> None:
    assert tuple(field_maps()) == PRESETS
    assert field_map("plain") == {name: name for name in record()}
    with pytest.raises(InvalidInput, match="choose one of plain, jobnimbus"):
        field_map("salesforce")


def test_a_map_renames_and_leaves_out() -> None:
    told = mapped(record(owner_name="Ada", county="Lee"), field_map("jobnimbus"))
    assert told["display_name"] == "Ada"
    assert "Lee" not in told.values()


def test_the_file_keeps_phones_and_defuses_formulas() -> None:
    text = write_csv(
        [record(owner_name="=HYPERLINK(1)", owner_phone="+13055550123", city="@SUM(A1)", address=None)],
        field_map("acculynx"),
    )
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["phoneNumber1"] == "+13055550123"
    assert (row["contactName"], row["city"], row["street"]) == ("'=HYPERLINK(1)", "'@SUM(A1)", "")


def test_a_formula_in_the_phone_column_is_defused_too() -> None:
    text = write_csv([record(owner_phone="+1+cmd")], {"owner_phone": "phone"})
    assert text.splitlines()[1] == "'+1+cmd"


def test_waits_end_after_the_last() -> None:
    assert retry_wait(1) == RETRY_SECONDS[0]
    assert retry_wait(len(RETRY_SECONDS)) == RETRY_SECONDS[-1]
    assert retry_wait(len(RETRY_SECONDS) + 1) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_an_answer_of_the_moment_is_worth_another_sending(status: int) -> None:
    assert may_take_later(status)


@pytest.mark.parametrize("status", [301, 400, 401, 410, 499])
def test_a_refusal_is_not(status: int) -> None:
    assert not may_take_later(status)


@pytest.mark.parametrize(
    ("status", "works", "words"),
    [
        (199, False, "It answered 199."),
        (200, True, "It answered 200: leads would arrive."),
        (299, True, "It answered 299: leads would arrive."),
        (300, False, "It answered 300."),
        (404, False, "It answered 404."),
        (408, False, "It answered 408; leads would be sent again for some hours."),
        (503, False, "It answered 503; leads would be sent again for some hours."),
    ],
)
def test_what_an_address_answered_to_a_test_is_said_in_words(status: int, works: bool, words: str) -> None:
    assert (words_of_test(status).works, words_of_test(status).words) == (works, words)
