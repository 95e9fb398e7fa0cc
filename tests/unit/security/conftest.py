"""Keys and issuers for the security tests."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from shared.security.tokens import TokenIssuer, TokenVerifier, generate_signing_key, public_half
from shared.settings import Settings


@pytest.fixture(scope="session")
def settings() -> Settings:
    service_key, user_key = generate_signing_key(), generate_signing_key()
    return Settings().model_copy(
        update={
            "service_signing_key": SecretStr(service_key),
            "user_signing_key": SecretStr(user_key),
            "token_public_keys": f"user={public_half(user_key)},service={public_half(service_key)}",
        }
    )


@pytest.fixture(scope="session")
def issuer(settings: Settings) -> TokenIssuer:
    return TokenIssuer.from_settings("marketplace", settings)


@pytest.fixture(scope="session")
def verifier(settings: Settings) -> TokenVerifier:
    return TokenVerifier.from_settings("scraper", settings)
