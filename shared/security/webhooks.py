"""Signatures of inbound webhooks, checked over the raw bytes before anything is parsed.

Whatever is wrong, the caller learns only that the webhook is refused; the reason goes to the metric.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit, urlunsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.errors import NotAuthenticated

TOLERANCE = timedelta(minutes=5)
MAX_SIGNATURES = 16
_MAX_HEADER_CHARACTERS = 4096
_MAX_EPOCH_DIGITS = 12


class WebhookRefused(NotAuthenticated):
    """A webhook whose signature or time does not hold; `reason` is a bounded label for the metric."""

    code = "webhook-refused"

    def __init__(self, reason: str) -> None:
        super().__init__("The webhook's signature does not hold.")
        self.reason = reason


def verify_stripe(
    body: bytes,
    header: str | None,
    secrets: Sequence[str],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Return if any v1 signature of `Stripe-Signature` fits one of the secrets and its time is fresh."""
    stamp, signatures = _read_stripe_header(header)
    expected = [
        hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        for secret in secrets
        if secret
    ]
    # Every pair is compared, so that the time taken says nothing about which one fits.
    fits = [hmac.compare_digest(mine, given) for mine in expected for given in signatures]
    if not any(fits):
        raise WebhookRefused("signature")
    _check_freshness(stamp, now, tolerance)


def _read_stripe_header(header: str | None) -> tuple[str, list[str]]:
    if not header or len(header) > _MAX_HEADER_CHARACTERS or not header.isascii():
        raise WebhookRefused("header")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not signatures or len(signatures) > MAX_SIGNATURES:
        raise WebhookRefused("header")
    return stamps[0], signatures


def sign_stripe(body: bytes, secret: str, *, now: datetime) -> str:
    """The `Stripe-Signature` header that a sender with this secret puts on a body."""
    stamp = str(int(now.timestamp()))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mac}"


def verify_sendgrid(
    body: bytes,
    signature: str | None,
    timestamp: str | None,
    public_key: str,
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Return if the ECDSA P-256 signature holds over timestamp and raw body and its time is fresh.

    The body keeps its final CRLF; `public_key` is the base64 DER key of the account's settings.
    """
    key = _load_p256(public_key)
    if not signature or not timestamp or len(signature) > _MAX_HEADER_CHARACTERS:
        raise WebhookRefused("header")
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, timestamp.encode() + body, ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise WebhookRefused("signature") from error
    _check_freshness(timestamp, now, tolerance)


def verify_twilio(
    url: str, parameters: Sequence[tuple[str, str]], signature: str | None, tokens: Sequence[str]
) -> None:
    """Return if `X-Twilio-Signature` fits one of the tokens over our own address and every parameter received.

    `url` is the address as the vendor was told it, query included; whether it writes the port is tried both ways.
    """
    if not signature or len(signature) > _MAX_HEADER_CHARACTERS or not signature.isascii():
        raise WebhookRefused("header")
    mine = [sign_twilio(each, parameters, token) for token in tokens if token for each in _with_ports(url)]
    if not any([hmac.compare_digest(each, signature) for each in mine]):  # noqa: C419 - every one is compared
        raise WebhookRefused("signature")


def sign_twilio(
    url: str,
    parameters: Sequence[tuple[str, str]],
    token: str,
    *,
    digest: Callable[..., hashlib._Hash] = hashlib.sha1,
) -> str:
    """The signature of a form to an address: HMAC over the address and the sorted parameters, in base64."""
    text = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), digest).digest()).decode()


def _with_ports(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    if parts.port not in (None, default) or default is None:
        return (url,)
    return _at(parts, parts.hostname or ""), _at(parts, f"{parts.hostname}:{default}")


def _at(parts: SplitResult, host: str) -> str:
    return urlunsplit(parts._replace(netloc=host))


def _load_p256(public_key: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError) as error:
        raise WebhookRefused("key") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise WebhookRefused("key")
    return key


def _check_freshness(stamp: str, now: datetime, tolerance: timedelta) -> None:
    # ASCII digits alone: int() would also read other alphabets' digits, signs and underscores.
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > _MAX_EPOCH_DIGITS:
        raise WebhookRefused("timestamp")
    if abs(now.timestamp() - int(stamp)) > tolerance.total_seconds():
        raise WebhookRefused("stale")
