"""The checker that holds every adapter's request against its contract does refuse what breaks one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.contract.providers.openapi import Contract, ContractBroken


@pytest.fixture
def folder(handed_over: Path) -> Path:
    return handed_over / "contracts" / "openapi"


def form(**fields: str) -> httpx.Request:
    return httpx.Request("POST", "http://s/stripe/v1/payment_intents", data=fields)


@pytest.mark.parametrize(
    ("file", "prefix", "request_"),
    [
        ("socrata.json", "/socrata", httpx.Request("GET", "http://s/socrata/resource/abcd-1234.json")),
        ("socrata.json", "/socrata", httpx.Request("GET", "http://s/socrata/elsewhere")),
        ("stripe.json", "/stripe", form(amount="5", currency="usd", colour="red")),
        ("stripe.json", "/stripe", form(amount="five", currency="usd")),
        ("stripe.json", "/stripe", httpx.Request("POST", "http://s/stripe/v1/refunds", json={"amount": 5})),
        ("zerobounce.json", "/zerobounce", httpx.Request("GET", "http://s/zerobounce/v2/validate?api_key=k")),
        ("sendgrid_mail_v3.json", "/sendgrid", httpx.Request("POST", "http://s/sendgrid/v3/mail/send", json={})),
        ("census_geocoder.json", "/census", httpx.Request("GET", "http://s/census/geocoder/locations/onelineaddress")),
    ],
)  # fmt: skip
def test_a_broken_request_is_refused(folder: Path, file: str, prefix: str, request_: httpx.Request) -> None:
    with pytest.raises(ContractBroken):
        Contract(folder / file, prefix).check(request_)


def test_a_good_request_passes(folder: Path) -> None:
    contract = Contract(folder / "stripe.json", "/stripe")
    assert contract.check(form(amount="5", currency="usd", confirm="true", **{"metadata[sale_id]": "s"}))
