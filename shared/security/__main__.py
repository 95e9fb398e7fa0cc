"""`python -m shared.security`: print fresh secrets as lines for an environment file."""

from __future__ import annotations

import secrets
import sys

from shared.security.tokens import encode_key, generate_signing_key, public_half
from shared.security.web_push import fresh_vapid_key


def fresh_environment() -> dict[str, str]:
    """New signing keys, their public halves, a first key-encryption key, a blind-index pepper, a key for web push."""
    service_key, user_key = generate_signing_key(), generate_signing_key()
    return {
        "SERVICE_SIGNING_KEY": service_key,
        "USER_SIGNING_KEY": user_key,
        "TOKEN_PUBLIC_KEYS": f"user={public_half(user_key)},service={public_half(service_key)}",
        "FIELD_KEYS": f"k1:{encode_key(secrets.token_bytes(32))}",
        "BLIND_INDEX_PEPPER": encode_key(secrets.token_bytes(32)),
        "MARKETPLACE_VAPID_PRIVATE_KEY": fresh_vapid_key(),
    }


def main() -> None:
    """Print NAME=value lines to standard output."""
    for name, value in fresh_environment().items():
        sys.stdout.write(f"{name}={value}\n")


if __name__ == "__main__":
    main()
