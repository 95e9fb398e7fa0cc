"""Six digits by mail: always the same of a code, told right from wrong, and a session that only we can sign."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.marketplace.domain.identity import (
    CODE_LIFE,
    MOST_TRIES,
    SESSION_LIFE,
    are_right,
    code_message,
    digits_of,
    hash_digits,
    session_id,
    session_token,
)

CODE = UUID("6f2b6c1e-0d5f-4d53-9d1a-111111111111")


def tag(purpose: str, value: str) -> str:
    return hmac.new(b"pepper", f"{purpose}|{value}".encode(), hashlib.sha256).hexdigest()


def test_a_code_holds_15_minutes_five_tries_and_opens_30_minutes() -> None:
    assert (timedelta(minutes=15), 5, timedelta(minutes=30)) == (CODE_LIFE, MOST_TRIES, SESSION_LIFE)


def test_digits_are_six_the_same_again_and_spread() -> None:
    found = {digits_of(uuid4(), tag) for _ in range(200)}
    assert digits_of(CODE, tag) == digits_of(CODE, tag)
    assert all(len(digits) == 6 and digits.isdigit() for digits in found)
    assert len(found) > 190


@pytest.mark.parametrize("form", ["{}{}{}{}{}{}", "{}{}{} {}{}{}", " {}{}{}{}{}{}\n"])
def test_the_mailed_digits_are_right_in_every_spacing(form: str) -> None:
    digits = digits_of(CODE, tag)
    assert are_right(CODE, form.format(*digits), hash_digits(CODE, digits, tag), tag)


@pytest.mark.parametrize("change", ["", "0", "\uff11\uff12\uff13\uff14\uff15\uff16", "\u00fc"])
def test_anything_else_is_wrong(change: str) -> None:
    assert not are_right(CODE, change, hash_digits(CODE, digits_of(CODE, tag), tag), tag)


def test_the_digits_of_one_code_are_wrong_for_another() -> None:
    digits, other = digits_of(CODE, tag), uuid4()
    assert not are_right(other, digits, hash_digits(CODE, digits, tag), tag)


def test_a_session_is_read_back_from_its_token() -> None:
    assert session_id(session_token(CODE, tag), tag) == CODE


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        CODE.hex,
        f"{CODE.hex}{'0' * 64}",
        f"{'a' * 32}{tag('privacy-session', CODE.hex)}",
        "ü" * 96,
    ],
)
def test_a_token_we_did_not_sign_is_no_session(token: str) -> None:
    assert session_id(token, tag) is None


def test_the_mail_holds_the_digits_and_no_link() -> None:
    message = code_message(CODE, "ada@example.com", tag)
    assert message.recipient == "ada@example.com"
    assert f"\n{digits_of(CODE, tag)}\n" in message.text
    assert "http" not in message.text
    assert digits_of(CODE, tag) not in message.subject
