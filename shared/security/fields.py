"""Personal data at rest: a data key per subject, wrapped by a key-encryption key; found by blind index.

Destroying a subject's wrapped key makes every copy of its ciphertext unreadable (crypto-shredding).
Ciphertext is bound to subject and field, so it may move between tables but never to another person or column.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import RidgelineError, Unavailable
from shared.security.tokens import decode_key
from shared.settings import Settings

CIPHERTEXT_VERSION = "v1"
NONCE_BYTES = 12
_KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")

IndexKind = Literal["email", "phone", "name", "address"]


class FieldUnreadable(RidgelineError):
    """Ciphertext that does not belong to this subject and field, was altered, or whose key we do not hold."""

    code = "field-unreadable"
    title = "Field unreadable"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A subject's data key, readable only with the key-encryption key of that id."""

    subject_id: UUID
    key_id: str
    wrapped: bytes


class SubjectCipher:
    """Encrypts and decrypts the fields of one subject."""

    def __init__(self, subject_id: UUID, data_key: bytes) -> None:
        self.subject_id = subject_id
        self._aead = AESGCM(data_key)

    def encrypt(self, field: str, value: str) -> str:
        """The value as text that only this subject's key opens, and only as this field."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, value.encode(), self._binding(field))
        return f"{CIPHERTEXT_VERSION}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, field: str, ciphertext: str) -> str:
        """The value behind a ciphertext of this subject and field; FieldUnreadable otherwise."""
        version, _, body = ciphertext.partition(".")
        if version != CIPHERTEXT_VERSION:
            raise FieldUnreadable(f"The {field} of this subject has an unknown form.")
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            return self._aead.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._binding(field)).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise FieldUnreadable(f"The {field} of this subject cannot be read.") from error

    def encrypt_optional(self, field: str, value: str | None) -> str | None:
        """Like encrypt; nothing stays nothing."""
        return None if value is None else self.encrypt(field, value)

    def decrypt_optional(self, field: str, ciphertext: str | None) -> str | None:
        """Like decrypt; nothing stays nothing."""
        return None if ciphertext is None else self.decrypt(field, ciphertext)

    def _binding(self, field: str) -> bytes:
        return f"{self.subject_id}|{field}".encode()


class KeyRing:
    """The key-encryption keys, newest first, and the pepper of the blind indexes."""

    def __init__(self, keys: dict[str, bytes], pepper: bytes) -> None:
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys), None)
        self._pepper = pepper

    @classmethod
    def from_settings(cls, settings: Settings) -> KeyRing:
        """The ring of FIELD_KEYS (`k2:<base64url>,k1:<base64url>`, newest first) and BLIND_INDEX_PEPPER."""
        keys: dict[str, bytes] = {}
        entries = settings.field_keys.get_secret_value().split(",")
        for entry in filter(None, (part.strip() for part in entries)):
            key_id, separator, text = entry.partition(":")
            if not separator or not _KEY_ID.match(key_id) or key_id in keys:
                raise ValueError("FIELD_KEYS entries are <key id>:<base64url>, each id once")
            keys[key_id] = decode_key(text, setting="FIELD_KEYS")
        pepper_text = settings.blind_index_pepper.get_secret_value()
        return cls(keys, decode_key(pepper_text, setting="BLIND_INDEX_PEPPER") if pepper_text else b"")

    @property
    def newest(self) -> str:
        """Id of the key that wraps from now on."""
        if self._newest is None:
            raise Unavailable("FIELD_KEYS is not set in this process.")
        return self._newest

    def create(self, subject_id: UUID) -> tuple[WrappedKey, SubjectCipher]:
        """A new data key for a subject: the row to store and the cipher to use."""
        data_key = AESGCM.generate_key(bit_length=256)
        return self._wrap(subject_id, data_key), SubjectCipher(subject_id, data_key)

    def open(self, key: WrappedKey) -> SubjectCipher:
        """The cipher behind a stored key."""
        return SubjectCipher(key.subject_id, self._unwrap(key))

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """The same data key under the newest key-encryption key; no field has to be encrypted again."""
        return key if key.key_id == self.newest else self._wrap(key.subject_id, self._unwrap(key))

    def _wrap(self, subject_id: UUID, data_key: bytes) -> WrappedKey:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._keys[self.newest].encrypt(nonce, data_key, _wrap_binding(subject_id, self.newest))
        return WrappedKey(subject_id, self.newest, nonce + sealed)

    def _unwrap(self, key: WrappedKey) -> bytes:
        aead = self._keys.get(key.key_id)
        if aead is None:
            raise FieldUnreadable(f"Key-encryption key {key.key_id} is not in FIELD_KEYS.")
        nonce, sealed = key.wrapped[:NONCE_BYTES], key.wrapped[NONCE_BYTES:]
        try:
            return aead.decrypt(nonce, sealed, _wrap_binding(key.subject_id, key.key_id))
        except (InvalidTag, ValueError) as error:
            raise FieldUnreadable("The key of this subject cannot be opened.") from error

    def blind_index(self, value: str, kind: IndexKind) -> str:
        """64 hex characters by which an encrypted value can be found: HMAC-SHA-256 of its normal form."""
        return self._keyed_hash(f"{kind}|{normalise(value, kind)}")

    def tag(self, purpose: str, value: str) -> str:
        """64 hex characters that stand for a value where it must not show (a client, a CSRF token's session)."""
        return self._keyed_hash(f"tag:{purpose}|{value}")

    def _keyed_hash(self, text: str) -> str:
        if not self._pepper:
            raise Unavailable("BLIND_INDEX_PEPPER is not set in this process.")
        return hmac.new(self._pepper, text.encode(), hashlib.sha256).hexdigest()

    def blind_index_optional(self, value: str | None, kind: IndexKind) -> str | None:
        """Like blind_index; nothing stays nothing."""
        return None if value is None else self.blind_index(value, kind)


def _wrap_binding(subject_id: UUID, key_id: str) -> bytes:
    return f"subject-key|{subject_id}|{key_id}".encode()


def normalise(value: str, kind: IndexKind) -> str:
    """The form in which two spellings of one e-mail, phone, name or address are equal."""
    return _NORMAL_FORMS[kind](unicodedata.normalize("NFKC", value).strip())


def _normal_phone(value: str) -> str:
    digits = re.sub(r"\D", "", re.split(r"(?i)\s*(?:x|ext\.?)\s*\d+$", value)[0])
    if value.startswith("+") or len(digits) != 10:
        return f"+{digits}"
    return f"+1{digits}"


def _normal_words(value: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", value.casefold()).split())


_NORMAL_FORMS: dict[IndexKind, Callable[[str], str]] = {
    "email": str.casefold,
    "phone": _normal_phone,
    "name": _normal_words,
    "address": _normal_words,
}
