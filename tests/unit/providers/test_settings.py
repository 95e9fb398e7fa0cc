"""Which keys a process must have before it meets real vendors."""

from __future__ import annotations

import pytest

from shared.providers.settings import ProviderSettings
from shared.settings import SERVICE_PORTS

KEYS = {"marketplace": "stripe, sendgrid", "enricher": "hunter, zerobounce, neverbounce"}


def production(**values: str) -> ProviderSettings:
    return ProviderSettings.model_validate(
        {"RIDGELINE_ENVIRONMENT": "production", "SANDBOX_URL": "", **values}
    )


@pytest.mark.parametrize("service", KEYS)
def test_production_refuses_a_service_without_its_keys(service: str) -> None:
    with pytest.raises(ValueError, match=f"needs the keys of {KEYS[service]}"):
        production().refuse_missing_keys(service)


@pytest.mark.parametrize("service", sorted({*SERVICE_PORTS, "relay"} - set(KEYS)))
def test_other_services_need_no_key(service: str) -> None:
    production().refuse_missing_keys(service)


def test_a_service_starts_with_its_own_keys_alone() -> None:
    production(HUNTER_API_KEY="h", ZEROBOUNCE_API_KEY="z", NEVERBOUNCE_API_KEY="n").refuse_missing_keys(
        "enricher"
    )


def test_the_sandbox_takes_any_key() -> None:
    ProviderSettings.model_validate({"RIDGELINE_ENVIRONMENT": "development"}).refuse_missing_keys(
        "marketplace"
    )
