"""Web push: messages that only one browser reads (RFC 8188, 8291), from an application that proves itself (RFC 8292)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.schemas.push import PushTarget
from shared.security.tokens import KeyRefused, decode_bytes, decode_key, encode_key

RECORD_BYTES: Final = 4096
"""RFC 8291, section 4: one record, and no push service need take more."""
KEY_BYTES: Final = 65
SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
_HEADER_BYTES: Final = SALT_BYTES + 4 + 1 + KEY_BYTES
MOST_PLAIN_BYTES: Final = RECORD_BYTES - _HEADER_BYTES - 1 - 16
"""What fits beside header, delimiter and tag."""
TOKEN_LIFE: Final = timedelta(hours=12)
"""RFC 8292, section 2: 24 hours at the most."""


class TargetRefused(ValueError):
    """The keys are no browser's."""


@dataclass(frozen=True, slots=True)
class Vapid:
    """The key by which push services know us and a browser's subscription is ours alone."""

    private: ec.EllipticCurvePrivateKey
    public: str
    """The public half as a page hands it to the browser."""

    @classmethod
    def load(cls, text: str, *, setting: str) -> Vapid | None:
        """The key in a setting, its 32 bytes in base64url; None when the setting is empty, KeyRefused for no key."""
        if not text:
            return None
        try:
            number = int.from_bytes(decode_key(text, setting=setting))
            private = ec.derive_private_key(number, ec.SECP256R1())
        except KeyRefused:
            raise
        except ValueError as error:
            raise KeyRefused(f"{setting} is no private key of the curve P-256") from error
        return cls(private, encode_key(public_point(private)))

    def authorization(self, origin: str, subject: str, now: datetime) -> str:
        """The header that names us to a push service, with whom it writes to (`mailto:` or `https:`)."""
        claims = {"aud": origin, "exp": int((now + TOKEN_LIFE).timestamp()), "sub": subject}
        return f"vapid t={jwt.encode(claims, self.private, algorithm='ES256')}, k={self.public}"


def fresh_vapid_key() -> str:
    """A new private key as its setting holds it."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode_key(number.to_bytes(32))


def public_point(private: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as an uncompressed point."""
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_target(target: PushTarget) -> None:
    """Return for keys that a message can be encrypted for; TargetRefused names the one that is wrong."""
    _target_keys(target)


def encrypt(
    plain: bytes,
    target: PushTarget,
    *,
    salt: bytes | None = None,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body (`Content-Encoding: aes128gcm`) that this browser alone reads; salt and key are new unless given.

    ValueError for more than MOST_PLAIN_BYTES, TargetRefused for keys that are none.
    """
    if len(plain) > MOST_PLAIN_BYTES:
        raise ValueError(f"a push message has {MOST_PLAIN_BYTES} bytes at the most")
    point, theirs, auth = _target_keys(target)
    salt, own = salt or os.urandom(SALT_BYTES), own or ec.generate_private_key(ec.SECP256R1())
    ours = public_point(own)
    info = b"WebPush: info\x00" + point + ours
    secret = _derived(own.exchange(ec.ECDH(), theirs), auth, info, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
    header = salt + RECORD_BYTES.to_bytes(4) + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def _target_keys(target: PushTarget) -> tuple[bytes, ec.EllipticCurvePublicKey, bytes]:
    point, auth = decode_bytes(target.p256dh), decode_bytes(target.auth)
    if auth is None or len(auth) != AUTH_BYTES:
        raise TargetRefused(f"auth must hold {AUTH_BYTES} bytes in base64url")
    if (
        point is None or len(point) != KEY_BYTES
    ):  # a shorter one is a compressed point, which no browser sends
        raise TargetRefused(f"p256dh must hold {KEY_BYTES} bytes in base64url")
    try:
        return point, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point), auth
    except ValueError as error:
        raise TargetRefused("p256dh is no public key of the curve P-256") from error


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
