"""Texts that people type: one form out, nothing dangerous in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schemas.text import (
    clean_text,
    parse_email,
    parse_phone,
    parse_state,
    parse_website,
    parse_zip,
)


@given(st.text(max_size=50))
def test_clean_text_is_stable_or_refused(value: str) -> None:
    try:
        once = clean_text(value)
    except ValueError:
        return
    assert clean_text(once) == once
    assert isinstance(once, str)
    assert "\x00" not in once
    assert "\n" not in once


@pytest.mark.parametrize(
    "value", ["a\x00b", "a\nb", "a\rb", "a\x1bb", "a\u202eb", "a\u200bb", "a\u2028b", "a\ud800b"]
)
def test_invisible_characters_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        clean_text(value)


def test_accents_come_in_one_form() -> None:
    assert clean_text(" Zoe\u0308 ") == "Zo\u00eb"


@pytest.mark.parametrize(
    "value",
    ["Pat@Example.COM", "pat+tag@mail.example.co", "o'neil@x.io", "a@b.co", "first.last@sub-domain.example"],
)
def test_real_addresses_pass_in_lower_case(value: str) -> None:
    assert parse_email(value) == value.lower()


NO_ADDRESS = [
    "", "pat", "@x.co", "pat@", "pat@x", "pat@@x.co", "pat@x..co", ".pat@x.co", "pat.@x.co", "p..t@x.co", "pat@-x.co",
    "pat@x.co\n", "pat@x.co,kim@x.co", "pat <pat@x.co>", "pat@x.c",
    "p\u00e4t@x.co", "a" * 65 + "@x.co", "a@" + "b" * 260 + ".co",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_ADDRESS)
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail"):
        parse_email(value)


@pytest.mark.parametrize(
    "value", ["(325) 555-0142", "325.555.0142", "+1 325 555 0142", "13255550142", "3255550142"]
)
def test_spellings_of_a_number_are_one(value: str) -> None:
    assert parse_phone(value) == "+13255550142"


@pytest.mark.parametrize(
    "value", ["", "911", "1255550142", "325055501422", "+44 20 7946 0018", "3251550142", "325555014a"]
)
def test_what_cannot_be_dialled_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="phone"):
        parse_phone(value)


def test_states_and_zip_codes() -> None:
    assert (parse_state("tx"), parse_zip("79501"), parse_zip("79501-1234")) == ("TX", "79501", "79501-1234")
    for state in ("", "T", "ZZ", "TXX"):
        with pytest.raises(ValueError, match="state"):
            parse_state(state)
    for code in ("", "7950", "79501-", "79501-12", "\uff11\uff12\uff13\uff14\uff15", "79501\n"):
        with pytest.raises(ValueError, match="ZIP"):
            parse_zip(code)


@pytest.mark.parametrize("value", ["https://roofs.example", "http://roofs.example:8080/a?b=c"])
def test_web_addresses_pass(value: str) -> None:
    assert parse_website(value) == value


NO_WEBSITE = [
    "", "roofs.example", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://", "ftp://x.example",
    "https://user:pw@x.example", "https://user@x.example", "https://x.example/a b", "https://[::1",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_WEBSITE)
def test_other_schemes_and_hidden_credentials_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="web address"):
        parse_website(value)
