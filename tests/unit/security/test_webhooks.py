"""FAULTS row 16 at the library: forged, replayed, altered and wrongly signed webhooks are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from shared.security.webhooks import (
    WebhookRefused,
    sign_stripe,
    sign_twilio,
    verify_sendgrid,
    verify_stripe,
    verify_twilio,
)

NOW = datetime.fromtimestamp(1767614400, UTC)

STRIPE_SECRET = "whsec_test_secret"
STRIPE_BODY = b'{"id":"evt_1","object":"event","type":"payment_intent.succeeded"}'
STRIPE_MAC = "79b598e7bc3562b4fefe575e50a2bfe6908774285ba9198c6b13709989747710"
STRIPE_HEADER = f"t=1767614400,v1={STRIPE_MAC}"

SENDGRID_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERxw+dYxJBChbun5TEY7Q9SSt6wdX0lvS+Oew1236cUzdUg96yoqLkXrMN/Ud6PDJu"
    "+OthYOC5wLcJaEtCfeoWA=="
)
SENDGRID_BODY = (
    b'[{"email":"a@b.co","timestamp":1767614400,"event":"delivered",'
    b'"sg_event_id":"ev1","sg_message_id":"m1.f"}]\r\n'
)
SENDGRID_SIGNATURE = (
    "MEYCIQDuOTcPjQJr05bsLdt2Py7Dc7EIzFUyYafDSr/dP9fevwIhANwPZfyWItoEwzxN1WFEYKJ3NZKF4urfO9J1G9n03Uwg"
)


def stripe(
    body: bytes = STRIPE_BODY,
    header: str | None = STRIPE_HEADER,
    secret: str = STRIPE_SECRET,
    now: datetime = NOW,
) -> None:
    verify_stripe(body, header, [secret], now=now)


def test_the_contracts_stripe_vector_holds() -> None:
    stripe()
    assert sign_stripe(STRIPE_BODY, STRIPE_SECRET, now=NOW) == STRIPE_HEADER


def test_while_a_secret_is_rolled_either_signature_and_either_secret_hold() -> None:
    stripe(header=f"t=1767614400,v1={'0' * 64},v1={STRIPE_MAC},v0=old")
    verify_stripe(STRIPE_BODY, STRIPE_HEADER, ["whsec_new", STRIPE_SECRET], now=NOW)


ODD_BODIES = [b'{ "a" :  1 }', '{"name":"Zoë"}'.encode(), b"\xff\xfe\x00 not utf-8", b""]


@pytest.mark.parametrize("body", ODD_BODIES)
def test_the_raw_bytes_are_what_is_signed(body: bytes) -> None:
    stripe(body=body, header=sign_stripe(body, STRIPE_SECRET, now=NOW))


STRIPE_FORGERIES: dict[str, dict[str, Any]] = {
    "body altered": {"body": STRIPE_BODY.replace(b"evt_1", b"evt_2")},
    "body re-serialised": {"body": STRIPE_BODY.replace(b":", b": ")},
    "wrong secret": {"secret": "whsec_other"},
    "empty secret": {"secret": "", "header": sign_stripe(STRIPE_BODY, "", now=NOW)},
    "no header": {"header": None},
    "empty header": {"header": ""},
    "no signature": {"header": "t=1767614400"},
    "no time": {"header": f"v1={STRIPE_MAC}"},
    "two times": {"header": f"t=1767614400,t=1767614400,v1={STRIPE_MAC}"},
    "old scheme alone": {"header": f"t=1767614400,v0={STRIPE_MAC}"},
    "signature cut": {"header": STRIPE_HEADER[:-1]},
    "signature in capitals": {"header": f"t=1767614400,v1={STRIPE_MAC.upper()}"},
    "signature not ASCII": {"header": "t=1767614400,v1=ä"},
    "time moved": {"header": f"t=1767614401,v1={STRIPE_MAC}"},
    "very many signatures": {"header": "t=1767614400," + ",".join([f"v1={STRIPE_MAC}"] * 17)},
    "very long header": {"header": STRIPE_HEADER + "," + "x" * 5000},
    "replayed after ten minutes": {"now": NOW + timedelta(minutes=10)},
    "replayed after five minutes": {"now": NOW + timedelta(seconds=301)},
    "from the future": {"now": NOW - timedelta(seconds=301)},
}


@pytest.mark.parametrize("name", sorted(STRIPE_FORGERIES))
@pytest.mark.fault(16)
def test_a_forged_stripe_webhook_is_refused(name: str) -> None:
    with pytest.raises(WebhookRefused) as refusal:
        stripe(**STRIPE_FORGERIES[name])

    assert refusal.value.status == 401
    assert refusal.value.detail == "The webhook's signature does not hold."


@pytest.mark.parametrize("stamp", ["\uff11767614400", "1_767_614_400", "+1767614400", "nan", "1e9", "9" * 30])
def test_a_time_that_is_no_plain_number_is_refused(stamp: str) -> None:
    mac = hmac.new(STRIPE_SECRET.encode(), stamp.encode() + b"." + STRIPE_BODY, hashlib.sha256).hexdigest()
    with pytest.raises(WebhookRefused):
        stripe(header=f"t={stamp},v1={mac}")


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_are_within_the_tolerance(seconds: int) -> None:
    stripe(now=NOW + timedelta(seconds=seconds))


def sendgrid(**changes: Any) -> None:
    arguments: dict[str, Any] = {
        "body": SENDGRID_BODY,
        "signature": SENDGRID_SIGNATURE,
        "timestamp": "1767614400",
        "public_key": SENDGRID_KEY,
        "now": NOW,
        **changes,
    }
    verify_sendgrid(**arguments)


def test_the_contracts_sendgrid_vector_holds() -> None:
    sendgrid()


def resigned(make_key: Callable[[], ec.EllipticCurvePrivateKey]) -> dict[str, Any]:
    private = make_key()
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signature = private.sign(b"1767614400" + SENDGRID_BODY, ec.ECDSA(hashes.SHA256()))
    return {"public_key": base64.b64encode(der).decode(), "signature": base64.b64encode(signature).decode()}


def other_kind_of_key() -> str:
    der = (
        ed25519.Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def test_another_accounts_key_signs_its_own_webhooks() -> None:
    sendgrid(**resigned(lambda: ec.generate_private_key(ec.SECP256R1())))


SENDGRID_FORGERIES: dict[str, dict[str, Any]] = {
    "without the final CRLF": {"body": SENDGRID_BODY[:-2]},
    "body altered": {"body": SENDGRID_BODY.replace(b"ev1", b"ev2")},
    "time moved": {"timestamp": "1767614401"},
    "no time": {"timestamp": None},
    "no signature": {"signature": None},
    "signature is no base64": {"signature": "!!!"},
    "signature is no DER": {"signature": base64.b64encode(b"abc").decode()},
    "signature not ASCII": {"signature": "ä"},
    "signature of another key": {
        "signature": resigned(lambda: ec.generate_private_key(ec.SECP256R1()))["signature"]
    },
    "key on another curve": resigned(lambda: ec.generate_private_key(ec.SECP384R1())),
    "key of another kind": {"public_key": other_kind_of_key()},
    "no key": {"public_key": ""},
    "key is nonsense": {"public_key": "AAAA"},
    "replayed after ten minutes": {"now": NOW + timedelta(minutes=10)},
    "from the future": {"now": NOW - timedelta(minutes=6)},
}


@pytest.mark.parametrize("name", sorted(SENDGRID_FORGERIES))
@pytest.mark.fault(16)
def test_a_forged_sendgrid_webhook_is_refused(name: str) -> None:
    with pytest.raises(WebhookRefused) as refusal:
        sendgrid(**SENDGRID_FORGERIES[name])

    assert refusal.value.status == 401


TWILIO_URL = "https://hooks.example.com/twilio/status?campaign=7"
TWILIO_FORM = [
    ("MessageSid", "SM00000000000000000000000000000001"),
    ("MessageStatus", "delivered"),
    ("To", "+15125550100"),
    ("From", "+15125550101"),
    ("AccountSid", "AC00000000000000000000000000000001"),
]
TWILIO_SHA1 = "b9vvIm0M2Ca/6GI2UkpDcHxHI6g="
TWILIO_SHA256 = "bfA4P1kmbmVK2fM8eNNEzcrjXx1cggByPY22EDrbZ3Q="


def test_the_contracts_own_signature_of_a_form_holds() -> None:
    assert sign_twilio(TWILIO_URL, TWILIO_FORM, "12345") == TWILIO_SHA1
    assert sign_twilio(TWILIO_URL, TWILIO_FORM, "12345", digest=hashlib.sha256) == TWILIO_SHA256
    verify_twilio(TWILIO_URL, TWILIO_FORM[::-1], TWILIO_SHA1, ["new", "12345"])
    verify_twilio(TWILIO_URL.replace(".com/", ".com:443/"), TWILIO_FORM, TWILIO_SHA1, ["12345"])


@pytest.mark.parametrize(
    ("url", "form", "signature", "tokens"),
    [
        (TWILIO_URL, TWILIO_FORM, TWILIO_SHA1, ["other"]),
        (TWILIO_URL, TWILIO_FORM, TWILIO_SHA1, [""]),
        (TWILIO_URL, TWILIO_FORM, TWILIO_SHA1, []),
        (TWILIO_URL, TWILIO_FORM, None, ["12345"]),
        (TWILIO_URL, TWILIO_FORM, "\u00e9", ["12345"]),
        (TWILIO_URL, TWILIO_FORM, TWILIO_SHA1[:-2], ["12345"]),
        (TWILIO_URL.replace("7", "8"), TWILIO_FORM, TWILIO_SHA1, ["12345"]),
        (TWILIO_URL.replace("https", "http"), TWILIO_FORM, TWILIO_SHA1, ["12345"]),
        (TWILIO_URL.replace(".com/", ".com:8443/"), TWILIO_FORM, TWILIO_SHA1, ["12345"]),
        (TWILIO_URL, TWILIO_FORM[1:], TWILIO_SHA1, ["12345"]),
        (TWILIO_URL, [*TWILIO_FORM, ("ErrorCode", "30003")], TWILIO_SHA1, ["12345"]),
    ],
)
def test_another_address_form_or_token_is_refused(
    url: str, form: list[tuple[str, str]], signature: str | None, tokens: list[str]
) -> None:
    with pytest.raises(WebhookRefused):
        verify_twilio(url, form, signature, tokens)
