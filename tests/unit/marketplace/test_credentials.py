"""Passwords that would be guessed are refused, long sentences are welcome."""

from __future__ import annotations

import pytest

from services.marketplace.domain.credentials import WeakPassword, check_password

EMAIL = "pat.doe@roofs.example"


@pytest.mark.parametrize(
    "password", ["three blue roofs in May", "x9#kQ2!mZp", "пароль длиннее десяти", "a b c d e f"]
)
def test_a_password_of_ten_varied_characters_is_accepted(password: str) -> None:
    check_password(password, email=EMAIL)


@pytest.mark.parametrize("length", [9, 201])
def test_length_has_both_ends(length: int) -> None:
    with pytest.raises(WeakPassword, match="10 to 200"):
        check_password(("abcdefghijk" * 20)[:length], email=EMAIL)


@pytest.mark.parametrize("length", [10, 200])
def test_both_ends_are_allowed(length: int) -> None:
    check_password(("azbycxdwevf" * 20)[:length], email=EMAIL)


@pytest.mark.parametrize(
    "password", ["password123", "PASSWORD123", "qwertyuiop", "1234567890", "ridgeline123"]
)
def test_common_passwords_are_refused_in_any_case(password: str) -> None:
    with pytest.raises(WeakPassword, match="too common"):
        check_password(password, email=EMAIL)


@pytest.mark.parametrize("password", ["aaaaaaaaaaaa", "ababababababab", "1111122222333"])
def test_a_few_characters_again_and_again_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword, match="too common"):
        check_password(password, email=EMAIL)


@pytest.mark.parametrize("password", [EMAIL, "Pat.Doe-2026!", "xxPAT.DOExx123"])
def test_the_address_does_not_belong_in_the_password(password: str) -> None:
    with pytest.raises(WeakPassword, match="e-mail"):
        check_password(password, email=EMAIL)


def test_a_short_local_part_may_occur_by_chance() -> None:
    check_password("pathological roofs", email="pat@roofs.example")
