"""Ed25519 JWTs: short access tokens for users, shorter ones between services, and their public keys.

Only the marketplace holds the user signing key; every service verifies with public keys alone. A key is bound
to one purpose, so that a service key can never vouch for a user, and `kid` is the fingerprint of the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.errors import NotAuthenticated, Unavailable
from shared.security.policy import Action, Actor, Role
from shared.settings import SERVICE_PORTS, Settings

ISSUER = "ridgeline"
USER_AUDIENCE = "ridgeline-users"
ALGORITHM = "EdDSA"
USER_TOKEN_LIFE = timedelta(minutes=10)
SERVICE_TOKEN_LIFE = timedelta(minutes=5)
LEEWAY_SECONDS = 30
MAX_TOKEN_CHARACTERS = 4096
MOST_VERIFIED = 4096

Purpose = Literal["user", "service"]
_REQUIRED: dict[Purpose, list[str]] = {
    "user": ["iss", "aud", "sub", "iat", "exp", "jti", "role", "sid"],
    "service": ["iss", "aud", "sub", "iat", "exp", "jti", "role"],
}


def encode_key(raw: bytes) -> str:
    """Key bytes as unpadded base64url, the form used in the environment."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyRefused(ValueError):
    """A key of the environment that cannot be used."""


def decode_bytes(text: str) -> bytes | None:
    """The bytes behind base64url, padded or not; None for text that is none."""
    try:
        return base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (binascii.Error, ValueError):
        return None


def decode_key(text: str, *, setting: str) -> bytes:
    """The 32 bytes of a key from the environment; KeyRefused names the setting and never the value."""
    raw = decode_bytes(text)
    if raw is None or len(raw) != 32:
        raise KeyRefused(f"{setting} must hold 32 bytes in base64url")
    return raw


def fingerprint(public_key: bytes) -> str:
    """The key id of a public key: the first 16 base64url characters of its SHA-256."""
    return encode_key(hashlib.sha256(public_key).digest())[:16]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its id and public half."""

    kid: str
    public: bytes
    private: Ed25519PrivateKey

    @classmethod
    def load(cls, text: str, *, setting: str) -> SigningKey | None:
        """The key in a setting; None when the setting is empty."""
        if not text:
            return None
        private = Ed25519PrivateKey.from_private_bytes(decode_key(text, setting=setting))
        public = private.public_key().public_bytes_raw()
        return cls(fingerprint(public), public, private)


def generate_signing_key() -> str:
    """A new private key in the form the environment holds."""
    return encode_key(Ed25519PrivateKey.generate().private_bytes_raw())


def public_half(signing_key: str) -> str:
    """The public key of a private key, both in the form the environment holds."""
    key = SigningKey.load(signing_key, setting="signing key")
    if key is None:
        raise ValueError("signing key is empty")
    return encode_key(key.public)


PublicKeys = Mapping[Purpose, Mapping[str, bytes]]


def load_public_keys(settings: Settings) -> PublicKeys:
    """Every key we accept, by purpose and id: TOKEN_PUBLIC_KEYS plus the halves of our own signing keys.

    TOKEN_PUBLIC_KEYS is a list such as `user=<base64url>,service=<base64url>`; while a key is rotated
    both the old and the new one stand in it.
    """
    keys: dict[Purpose, dict[str, bytes]] = {"user": {}, "service": {}}
    for entry in filter(None, (part.strip() for part in settings.token_public_keys.split(","))):
        purpose, _, text = entry.partition("=")
        if purpose not in keys:
            raise ValueError("TOKEN_PUBLIC_KEYS entries begin with user= or service=")
        raw = decode_key(text, setting="TOKEN_PUBLIC_KEYS")
        keys[purpose][fingerprint(raw)] = raw
    own: tuple[tuple[Purpose, str, str], ...] = (
        ("user", settings.user_signing_key.get_secret_value(), "USER_SIGNING_KEY"),
        ("service", settings.service_signing_key.get_secret_value(), "SERVICE_SIGNING_KEY"),
    )
    for own_purpose, secret, setting in own:
        signing = SigningKey.load(secret, setting=setting)
        if signing is not None:
            keys[own_purpose][signing.kid] = signing.public
    return keys


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token and the time it ends."""

    token: str
    expires_at: datetime


class TokenIssuer:
    """Signs tokens with the private keys this process holds."""

    def __init__(
        self, service: str, *, service_key: SigningKey | None, user_key: SigningKey | None = None
    ) -> None:
        self.service = service
        self._service_key = service_key
        self._user_key = user_key
        self._cache: dict[str, IssuedToken] = {}

    @classmethod
    def from_settings(cls, service: str, settings: Settings) -> TokenIssuer:
        """The issuer of a service process; a missing key shows when a token is asked for."""
        service_key = settings.service_signing_key.get_secret_value()
        user_key = settings.user_signing_key.get_secret_value()
        return cls(
            service,
            service_key=SigningKey.load(service_key, setting="SERVICE_SIGNING_KEY"),
            user_key=SigningKey.load(user_key, setting="USER_SIGNING_KEY"),
        )

    def issue_user(
        self,
        user_id: UUID,
        role: Role,
        *,
        contractor_id: UUID | None,
        session_id: UUID,
        csrf_hash: str | None = None,
        only: frozenset[Action] | None = None,
        now: datetime | None = None,
    ) -> IssuedToken:
        """An access token of 10 minutes for a user's session; with `only` it opens nothing else."""
        claims: dict[str, Any] = {"sub": str(user_id), "role": str(role), "sid": str(session_id)}
        if contractor_id is not None:
            claims["cid"] = str(contractor_id)
        if csrf_hash is not None:
            claims["csrf"] = csrf_hash
        if only is not None:
            claims["only"] = sorted(only)
        return _sign(
            self._user_key, claims, purpose="user", audience=USER_AUDIENCE, life=USER_TOKEN_LIFE, now=now
        )

    def issue_service(
        self, audience: str, *, on_behalf_of: str | None = None, now: datetime | None = None
    ) -> IssuedToken:
        """A token of 5 minutes with which this service calls another one, by name."""
        if audience not in SERVICE_PORTS:
            raise ValueError(f"no service is named {audience}")
        claims: dict[str, Any] = {"sub": f"service:{self.service}", "role": str(Role.SERVICE)}
        if on_behalf_of is not None:
            claims["obo"] = on_behalf_of
        return _sign(
            self._service_key, claims, purpose="service", audience=audience, life=SERVICE_TOKEN_LIFE, now=now
        )

    def token_for(self, audience: str) -> str:
        """A service token that lives at least another minute; the same one until then."""
        cached = self._cache.get(audience)
        if cached is None or cached.expires_at - datetime.now(UTC) < timedelta(minutes=1):
            cached = self._cache[audience] = self.issue_service(audience)
        return cached.token


def _sign(
    key: SigningKey | None,
    claims: dict[str, Any],
    *,
    purpose: Purpose,
    audience: str,
    life: timedelta,
    now: datetime | None,
) -> IssuedToken:
    if key is None:
        raise Unavailable(f"{purpose.upper()}_SIGNING_KEY is not set in this process.")
    issued_at = now or datetime.now(UTC)
    expires_at = (issued_at + life).replace(microsecond=0)
    standard = {"iss": ISSUER, "aud": audience, "iat": int(issued_at.timestamp()), "jti": uuid4().hex}
    token = jwt.encode(
        {**claims, **standard, "exp": int(expires_at.timestamp())},
        key.private,
        algorithm=ALGORITHM,
        headers={"kid": key.kid, "typ": f"{purpose}+jwt"},
    )
    return IssuedToken(token, expires_at)


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that holds: its actor, its end, and the hash that a cookie session's CSRF token must have."""

    actor: Actor
    expires_at: datetime
    csrf_hash: str | None = None


class TokenVerifier:
    """Accepts users' tokens and the tokens that other services made for this one."""

    def __init__(self, service: str, keys: PublicKeys) -> None:
        self.service = service
        self._keys: dict[tuple[Purpose, str], Ed25519PublicKey] = {
            (purpose, kid): Ed25519PublicKey.from_public_bytes(raw)
            for purpose, by_kid in keys.items()
            for kid, raw in by_kid.items()
        }
        self._raw = keys
        self._verified: dict[str, VerifiedToken] = {}

    @classmethod
    def from_settings(cls, service: str, settings: Settings) -> TokenVerifier:
        """The verifier of a service process; without any key it refuses every token."""
        return cls(service, load_public_keys(settings))

    def verify(self, token: str) -> VerifiedToken:
        """The actor behind a token, read once and kept to its end; NotAuthenticated whatever is wrong with it."""
        if not token or len(token) > MAX_TOKEN_CHARACTERS:
            raise _refusal()
        known = self._verified.get(token)
        if known is None:
            known = self._read(token)
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.pop(next(iter(self._verified)))
            self._verified[token] = known
        elif known.expires_at <= datetime.now(UTC) - timedelta(seconds=LEEWAY_SECONDS):
            del self._verified[token]
            raise _refusal()
        return known

    def _read(self, token: str) -> VerifiedToken:
        try:
            purpose, key = self._key_of(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=USER_AUDIENCE if purpose == "user" else self.service,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED[purpose], "strict_aud": True},
            )
            return _read_user(claims) if purpose == "user" else _read_service(claims)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise _refusal() from error

    def _key_of(self, token: str) -> tuple[Purpose, Ed25519PublicKey]:
        header = jwt.get_unverified_header(token)
        purpose: Purpose = "user" if header["typ"] == "user+jwt" else "service"
        if header["typ"] != f"{purpose}+jwt" or header["alg"] != ALGORITHM:
            raise ValueError("unknown kind of token")
        return purpose, self._keys[purpose, header["kid"]]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JSON Web Key Set."""
        common = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM}
        keys = [
            {**common, "kid": kid, "x": encode_key(raw)}
            for by_kid in self._raw.values()
            for kid, raw in by_kid.items()
        ]
        return {"keys": keys}


def _refusal() -> NotAuthenticated:
    return NotAuthenticated("The token is missing, malformed, expired or not meant for this service.")


def _read_user(claims: dict[str, Any]) -> VerifiedToken:
    role = Role(claims["role"])
    if role is Role.SERVICE:
        raise ValueError("a user token cannot carry the service role")
    user_id = UUID(claims["sub"])
    actor = Actor(
        role=role,
        subject=f"user:{user_id}",
        user_id=user_id,
        contractor_id=UUID(claims["cid"]) if "cid" in claims else None,
        session_id=UUID(claims["sid"]),
        only=_read_only(claims["only"]) if "only" in claims else None,
    )
    csrf_hash = claims.get("csrf")
    if csrf_hash is not None and not isinstance(csrf_hash, str):
        raise ValueError("csrf must be text")
    return VerifiedToken(actor, datetime.fromtimestamp(claims["exp"], UTC), csrf_hash)


def _read_only(actions: Any) -> frozenset[Action]:
    if not isinstance(actions, list):
        raise TypeError("only must be a list")
    return frozenset(Action(each) for each in actions)


def _read_service(claims: dict[str, Any]) -> VerifiedToken:
    kind, _, name = str(claims["sub"]).partition(":")
    if kind != "service" or not name or claims["role"] != Role.SERVICE:
        raise ValueError("not a service token")
    behalf = claims.get("obo")
    if behalf is not None and not isinstance(behalf, str):
        raise ValueError("obo must be text")
    actor = Actor(role=Role.SERVICE, subject=f"service:{name}", service=name, on_behalf_of=behalf)
    return VerifiedToken(actor, datetime.fromtimestamp(claims["exp"], UTC))
