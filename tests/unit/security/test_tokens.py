"""Tokens hold, and every forgery of FAULTS row 23 is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from shared.errors import NotAuthenticated, Unavailable
from shared.security import tokens
from shared.security.policy import ENROLMENT, Action, Role, SecondFactorNeeded, permitted_scope
from shared.security.tokens import (
    SigningKey,
    TokenIssuer,
    TokenVerifier,
    decode_key,
    encode_key,
    generate_signing_key,
    load_public_keys,
    public_half,
)
from shared.settings import Settings


def user_token(issuer: TokenIssuer, **changes: Any) -> str:
    options: dict[str, Any] = {"contractor_id": uuid4(), "session_id": uuid4(), **changes}
    return issuer.issue_user(uuid4(), Role.CONTRACTOR_OWNER, **options).token


def signing_key(settings: Settings, purpose: str) -> SigningKey:
    secret = settings.user_signing_key if purpose == "user" else settings.service_signing_key
    key = SigningKey.load(secret.get_secret_value(), setting="test")
    assert key is not None
    return key


def claims_for(purpose: str, **changes: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    claims: dict[str, Any] = {"iss": "ridgeline", "iat": now, "exp": now + 60, "jti": "x"}
    if purpose == "user":
        claims |= {"aud": "ridgeline-users", "sub": str(uuid4()), "role": "admin", "sid": str(uuid4())}
    else:
        claims |= {"aud": "scraper", "sub": "service:orchestrator", "role": "service"}
    return {key: value for key, value in (claims | changes).items() if value is not None}


def sign(settings: Settings, purpose: str, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    key = signing_key(settings, purpose)
    headers = {"kid": key.kid, "typ": f"{purpose}+jwt", **(header or {})}
    return jwt.encode(claims_for(purpose, **changes), key.private, algorithm="EdDSA", headers=headers)


def segment(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_a_token_that_opens_only_some_actions_says_so(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    limited = verifier.verify(user_token(issuer, only=ENROLMENT)).actor

    assert limited.only == ENROLMENT
    assert verifier.verify(user_token(issuer)).actor.only is None
    with pytest.raises(SecondFactorNeeded):
        permitted_scope(limited, Action.LEAD_LIST)


@pytest.mark.parametrize("only", ["account:read", ["no:such"], [1], {"account:read": 1}])
def test_a_token_whose_limits_cannot_be_read_is_refused(
    settings: Settings, verifier: TokenVerifier, only: Any
) -> None:
    with pytest.raises(NotAuthenticated):
        verifier.verify(sign(settings, "user", only=only))


def test_a_user_token_gives_back_its_actor(issuer: TokenIssuer, verifier: TokenVerifier) -> None:
    user_id, contractor_id, session_id = uuid4(), uuid4(), uuid4()

    issued = issuer.issue_user(
        user_id, Role.CONTRACTOR_MEMBER, contractor_id=contractor_id, session_id=session_id, csrf_hash="c"
    )
    verified = verifier.verify(issued.token)

    actor = verified.actor
    assert (actor.user_id, actor.contractor_id, actor.session_id) == (user_id, contractor_id, session_id)
    assert actor.role is Role.CONTRACTOR_MEMBER
    assert verified.csrf_hash == "c"
    assert timedelta(minutes=9) < verified.expires_at - datetime.now(UTC) <= timedelta(minutes=10)


def test_a_service_token_holds_only_for_its_audience(issuer: TokenIssuer, settings: Settings) -> None:
    token = issuer.issue_service("scraper", on_behalf_of="user:1").token

    actor = TokenVerifier.from_settings("scraper", settings).verify(token).actor

    assert (actor.service, actor.name) == ("marketplace", "service:marketplace for user:1")
    with pytest.raises(NotAuthenticated):
        TokenVerifier.from_settings("enricher", settings).verify(token)


def test_the_same_service_token_is_reused_until_its_last_minute(issuer: TokenIssuer) -> None:
    assert issuer.token_for("scraper") == issuer.token_for("scraper")
    assert issuer.token_for("scraper") != issuer.token_for("enricher")


def test_the_helper_that_signs_forgeries_can_also_sign_valid_tokens(
    settings: Settings, verifier: TokenVerifier
) -> None:
    assert verifier.verify(sign(settings, "user")).actor.role is Role.ADMIN
    assert verifier.verify(sign(settings, "service")).actor.service == "orchestrator"


def hmac_with_public_key(settings: Settings) -> str:
    key = signing_key(settings, "user")
    head = segment({"alg": "HS256", "kid": key.kid, "typ": "user+jwt"})
    body = segment(claims_for("user"))
    mac = hmac.new(key.public, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def sign_with(private: Ed25519PrivateKey, purpose: str, **header: Any) -> str:
    return jwt.encode(
        claims_for(purpose), private, algorithm="EdDSA", headers={"typ": f"{purpose}+jwt", **header}
    )


def alter_payload(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{segment(claims | {'role': 'ops'})}.{signature}"


FORGERIES: dict[str, Callable[[Settings], str]] = {
    "empty": lambda s: "",
    "not a token": lambda s: "abc.def",
    "very long": lambda s: "a" * 5000,
    "alg none": lambda s: (
        f"{segment({'alg': 'none', 'kid': signing_key(s, 'user').kid, 'typ': 'user+jwt'})}"
        f".{segment(claims_for('user'))}."
    ),
    "alg none in capitals": lambda s: (
        f"{segment({'alg': 'NONE', 'typ': 'user+jwt'})}.{segment(claims_for('user'))}."
    ),
    "public key as HMAC secret": hmac_with_public_key,
    "unknown key": lambda s: sign_with(Ed25519PrivateKey.generate(), "user", kid=signing_key(s, "user").kid),
    "no kid": lambda s: sign_with(signing_key(s, "user").private, "user"),
    "kid is a path": lambda s: sign(s, "user", header={"kid": "../../../../dev/null"}),
    "kid is SQL": lambda s: sign(s, "user", header={"kid": "x' UNION SELECT 'key'--"}),
    "kid is no text": lambda s: segment({"alg": "EdDSA", "kid": ["a"], "typ": "user+jwt"}) + ".e30.e30",
    "key given in the header": lambda s: sign_with(
        Ed25519PrivateKey.generate(), "user", kid="own", jwk={"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}
    ),
    "signature stripped": lambda s: sign(s, "user").rsplit(".", 1)[0] + ".",
    "signature dropped": lambda s: sign(s, "user").rsplit(".", 1)[0],
    "payload altered": lambda s: alter_payload(sign(s, "user")),
    "expired": lambda s: sign(s, "user", exp=int(datetime.now(UTC).timestamp()) - 31),
    "issued in the future": lambda s: sign(s, "user", iat=int(datetime.now(UTC).timestamp()) + 120),
    "no expiry": lambda s: sign(s, "user", exp=None),
    "no session": lambda s: sign(s, "user", sid=None),
    "wrong issuer": lambda s: sign(s, "user", iss="elsewhere"),
    "wrong audience": lambda s: sign(s, "user", aud="scraper"),
    "audience of another service": lambda s: sign(s, "service", aud="enricher"),
    "audience is a list": lambda s: sign(s, "service", aud=["scraper", "enricher"]),
    "unknown role": lambda s: sign(s, "user", role="root"),
    "user with the service role": lambda s: sign(s, "user", role="service"),
    "service with a user's role": lambda s: sign(s, "service", role="admin"),
    "service key vouching for a user": lambda s: sign_with(
        signing_key(s, "service").private, "user", kid=signing_key(s, "service").kid
    ),
    "user key vouching for a service": lambda s: sign_with(
        signing_key(s, "user").private, "service", kid=signing_key(s, "user").kid
    ),
    "subject is no user": lambda s: sign(s, "user", sub="service:scraper"),
    "unknown type": lambda s: sign(s, "user", header={"typ": "JWT"}),
}


@pytest.mark.parametrize("name", sorted(FORGERIES))
@pytest.mark.fault(23)
def test_a_forged_token_is_refused(name: str, settings: Settings, verifier: TokenVerifier) -> None:
    with pytest.raises(NotAuthenticated):
        verifier.verify(FORGERIES[name](settings))


def test_a_token_a_little_past_its_end_is_still_accepted(settings: Settings, verifier: TokenVerifier) -> None:
    token = sign(settings, "user", exp=int(datetime.now(UTC).timestamp()) - 20)

    assert verifier.verify(token).actor.role is Role.ADMIN


def test_a_token_that_was_read_before_ends_at_its_time(
    settings: Settings, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sign(settings, "user", exp=int(datetime.now(UTC).timestamp()) - 20)
    first = verifier.verify(token)
    assert verifier.verify(token) is first

    monkeypatch.setattr(tokens, "LEEWAY_SECONDS", 19)
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            verifier.verify(token)


def test_a_verifier_keeps_only_so_many_tokens_and_no_refused_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier.from_settings("scraper", settings)
    monkeypatch.setattr(tokens, "MOST_VERIFIED", 2)
    kept = [sign(settings, "user") for _ in range(3)]
    first = verifier.verify(kept[0])
    for token in kept[1:]:
        verifier.verify(token)
    with pytest.raises(NotAuthenticated):
        verifier.verify(kept[0] + "x")

    assert verifier.verify(kept[2]) is verifier.verify(kept[2])
    assert verifier.verify(kept[0]) is not first


def test_while_a_key_is_rotated_both_keys_hold(settings: Settings) -> None:
    new_key = generate_signing_key()
    both = settings.model_copy(
        update={
            "user_signing_key": SecretStr(new_key),
            "token_public_keys": f"{settings.token_public_keys}, user={public_half(new_key)}",
        }
    )
    verifier = TokenVerifier.from_settings("scraper", both)

    for holder in (settings, both):
        verifier.verify(user_token(TokenIssuer.from_settings("marketplace", holder)))


def test_a_service_without_private_keys_verifies_and_cannot_sign(settings: Settings) -> None:
    public_only = settings.model_copy(
        update={"user_signing_key": SecretStr(""), "service_signing_key": SecretStr("")}
    )

    verifier = TokenVerifier.from_settings("scraper", public_only)

    verifier.verify(user_token(TokenIssuer.from_settings("marketplace", settings)))
    with pytest.raises(Unavailable):
        TokenIssuer.from_settings("scraper", public_only).issue_service("enricher")


def test_without_any_key_every_token_is_refused(issuer: TokenIssuer) -> None:
    with pytest.raises(NotAuthenticated):
        TokenVerifier("scraper", {"user": {}, "service": {}}).verify(user_token(issuer))


def test_a_token_for_an_unknown_service_is_not_made(issuer: TokenIssuer) -> None:
    with pytest.raises(ValueError, match="no service"):
        issuer.issue_service("nobody")


def test_jwks_shows_public_keys_alone(settings: Settings, verifier: TokenVerifier) -> None:
    keys = verifier.jwks()["keys"]

    assert len(keys) == 2
    assert all(set(key) == {"kty", "crv", "use", "alg", "kid", "x"} for key in keys)
    secrets = {settings.user_signing_key.get_secret_value(), settings.service_signing_key.get_secret_value()}
    assert secrets.isdisjoint(key["x"] for key in keys)


@pytest.mark.parametrize("text", ["", "short", "!!!", encode_key(b"x" * 31), encode_key(b"x" * 33)])
def test_a_malformed_key_names_its_setting_and_not_its_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"^MY_KEY must hold 32 bytes in base64url$"):
        decode_key(text, setting="MY_KEY")


def test_public_keys_need_a_purpose(settings: Settings) -> None:
    bad = settings.model_copy(update={"token_public_keys": public_half(generate_signing_key())})

    with pytest.raises(ValueError, match="begin with user= or service="):
        load_public_keys(bad)
