from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

import pytest

from services.marketplace.domain.second_factor import (
    RECOVERY_CODES,
    WrongCode,
    begin_half,
    code_of,
    half_session,
    hash_recovery,
    in_groups,
    new_recovery_codes,
    new_secret,
    read_half_session,
    setup_uri,
    step_of,
)

USER = UUID("6f2b6c1e-0d5f-4d53-9d1a-111111111111")
SECRET = base64.b32encode(b"12345678901234567890").decode()


def tag(purpose: str, value: str) -> str:
    return hmac.new(b"pepper", f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238_hold(seconds: int, digits: str) -> None:
    # Appendix B shows eight digits; the last six are those of a code of six
    assert code_of(SECRET, seconds // 30) == digits


@pytest.mark.parametrize(("late", "taken"), [(-31, False), (-30, True), (0, True), (59, True), (60, False)])
def test_a_clock_may_be_off_by_one_step(late: int, taken: bool) -> None:
    at = 1_800_000_030  # the beginning of a step
    found = step_of(SECRET, code_of(SECRET, at // 30), at + late)

    assert found == (at // 30 if taken else None)


@pytest.mark.parametrize("typed", ["287 082", " 287082 "])
def test_blanks_do_not_matter(typed: str) -> None:
    assert step_of(SECRET, typed, 59) == 1


@pytest.mark.parametrize("typed", ["", "28708", "2870820", "287083", "x" * 1000, "२८७०८२", "ü"])
def test_what_is_no_code_of_this_time_is_none(typed: str) -> None:
    assert step_of(SECRET, typed, 59) is None


def test_a_secret_has_160_bits_and_is_another_each_time() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}
    assert in_groups("ABCDEFGHIJ") == "ABCD EFGH IJ"


def test_the_address_names_us_and_the_person() -> None:
    assert (
        setup_uri("ABC", "a+b@roofs.example")
        == "otpauth://totp/Ridgeline%3Aa%2Bb%40roofs.example?secret=ABC&issuer=Ridgeline"
    )


def test_recovery_codes_differ_and_are_typed_in_any_way() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    code = codes[0]
    stored = hash_recovery(USER, code, tag)
    assert hash_recovery(USER, f" {code.lower().replace('-', ' ')}", tag) == stored
    assert hash_recovery(USER, codes[1], tag) != stored
    assert hash_recovery(UUID(int=1), code, tag) != stored


def test_half_a_session_ends_at_its_time() -> None:
    half = begin_half(USER, 1000.25, tag)
    assert half.began == 1000.25
    assert read_half_session(half.token, 1300.249, tag) == half
    with pytest.raises(WrongCode, match="time to type the code is over"):
        read_half_session(half.token, 1300.25, tag)


@pytest.mark.parametrize(
    "change", ["", "x", "1.2.3", "ü.1.x", f"{'a' * 32}.x.y", f"{USER.hex}.9999.{'0' * 64}"]
)
def test_words_that_are_not_ours_are_no_half_session(change: str) -> None:
    with pytest.raises(WrongCode):
        read_half_session(change, 1, tag)


def test_neither_person_nor_time_can_be_changed() -> None:
    head, until, seal = half_session(USER, 1000, tag).token.split(".")
    for forged in (f"{UUID(int=1).hex}.{until}.{seal}", f"{head}.2000.{seal}", f"{head}.{until}.{seal[:-1]}"):
        with pytest.raises(WrongCode):
            read_half_session(forged, 1, tag)
