"""Which keys a process must have before it meets real vendors."""

from __future__ import annotations

import pytest

from shared.providers.settings import INVENTED_ADDRESS, INVENTED_SENDER, ProviderSettings
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


REAL_SENDER = {
    "STRIPE_SECRET_KEY": "s",
    "SENDGRID_API_KEY": "s",
    "PUBLIC_BASE_URL": "https://leads.example.com/",
    "MAIL_FROM": "notices@leads.example.com",
    "MAIL_POSTAL_ADDRESS": "5 Main Street, Austin, TX 78702",
}


def test_production_mails_from_a_real_sender_with_a_way_out() -> None:
    settings = production(**REAL_SENDER)
    settings.refuse_missing_keys("marketplace")
    assert settings.unsubscribe_url == "https://leads.example.com/unsubscribe"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_BASE_URL", ""),
        ("PUBLIC_BASE_URL", "http://leads.example.com"),
        ("MAIL_FROM", ""),
        ("MAIL_POSTAL_ADDRESS", ""),
        ("MAIL_FROM", INVENTED_SENDER),
        ("MAIL_POSTAL_ADDRESS", INVENTED_ADDRESS),
    ],
)
def test_production_refuses_an_invented_sender(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"sends mail and needs {name} "):
        production(**REAL_SENDER | {name: value}).refuse_missing_keys("marketplace")


def test_the_page_that_ends_mails_may_be_elsewhere() -> None:
    elsewhere = production(**REAL_SENDER, MAIL_UNSUBSCRIBE_URL="https://mail.example.com/out/")
    assert elsewhere.unsubscribe_url == "https://mail.example.com/out"


def test_the_sandbox_takes_any_key() -> None:
    ProviderSettings.model_validate({"RIDGELINE_ENVIRONMENT": "development"}).refuse_missing_keys(
        "marketplace"
    )
