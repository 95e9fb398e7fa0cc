"""Web push messages, held to the example of RFC 8291 (section 5, appendix A), and who may be told by us at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.schemas.push import PushTarget
from shared.security.tokens import KeyRefused, decode_bytes, encode_key
from shared.security.web_push import (
    MOST_PLAIN_BYTES,
    RECORD_BYTES,
    TargetRefused,
    Vapid,
    check_target,
    encrypt,
    fresh_vapid_key,
)

PLAIN = b"When I grow up, I want to be a watermelon"
TARGET = PushTarget(
    endpoint="https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    auth="BTBZMqHH6r4Tts7J_aSIgg",
)
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
OWN = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_the_rfcs_own_example_byte_for_byte() -> None:
    own = ec.derive_private_key(int.from_bytes(decode_bytes(OWN) or b""), ec.SECP256R1())
    assert encode_key(encrypt(PLAIN, TARGET, salt=decode_bytes(SALT), own=own)) == BODY


def test_no_two_messages_share_salt_or_key() -> None:
    one, other = encrypt(PLAIN, TARGET), encrypt(PLAIN, TARGET)
    assert one[:16] != other[:16]
    assert one[21:86] != other[21:86]


def test_the_largest_message_is_one_record_and_a_larger_one_is_refused() -> None:
    assert len(encrypt(b"x" * MOST_PLAIN_BYTES, TARGET)) == RECORD_BYTES
    with pytest.raises(ValueError, match="at the most"):
        encrypt(b"x" * (MOST_PLAIN_BYTES + 1), TARGET)


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": ""},
        {"auth": "AAAA"},
        {"auth": "a"},
        {"auth": "é" * 22},
        {"p256dh": ""},
        {"p256dh": TARGET.p256dh[:-4]},
        {"p256dh": "BA" + "A" * 85},
        {"p256dh": "A" * 87},
    ],
)
def test_keys_that_are_no_browsers_are_refused(wrong: dict[str, str]) -> None:
    check_target(TARGET)
    with pytest.raises(TargetRefused):
        check_target(replace(TARGET, **wrong))


def test_a_push_service_can_tell_who_sends_and_for_how_long() -> None:
    vapid = Vapid.load(fresh_vapid_key(), setting="X")
    assert vapid is not None
    header = vapid.authorization("https://push.example.net", "mailto:notices@roofs.example", NOW)
    scheme, token, key = header.replace(",", "").split(" ")
    assert (scheme, key) == ("vapid", f"k={vapid.public}")
    said = jwt.decode(
        token.removeprefix("t="),
        vapid.private.public_key(),
        algorithms=["ES256"],
        audience="https://push.example.net",
        options={"verify_exp": False},
    )
    assert said["sub"] == "mailto:notices@roofs.example"
    assert 0 < said["exp"] - NOW.timestamp() <= 24 * 3600
    assert jwt.get_unverified_header(token.removeprefix("t="))["typ"] == "JWT"


@pytest.mark.parametrize("text", ["AAAA", "A" * 43, "_" * 42 + "8"])
def test_a_setting_that_holds_no_key_is_named_and_not_told(text: str) -> None:
    with pytest.raises(KeyRefused, match=r"^MARKETPLACE_VAPID_PRIVATE_KEY") as refused:
        Vapid.load(text, setting="MARKETPLACE_VAPID_PRIVATE_KEY")
    assert text not in str(refused.value)


def test_no_setting_is_no_key() -> None:
    assert Vapid.load("", setting="X") is None
