"""A form of another site is told by what the browser says of it, old browsers included."""

from __future__ import annotations

import pytest
from fastapi import Request

from services.marketplace.api.cookies import ForeignForm, refuse_foreign


def form(**headers: str) -> Request:
    """A form's request to r.example with these headers."""
    named = {"host": "r.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    return Request({"type": "http", "method": "POST", "path": "/login", "headers": raw})


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "https://r.example"},
        {"origin": "https://evil.example"},
        {"origin": "https://r.example.evil.example"},
        {"origin": "https://r.example:8443"},
        {"origin": "null"},
        {"origin": ""},
    ],
)
def test_a_foreign_form_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ForeignForm):
        refuse_foreign(form(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"origin": "https://r.example"},
    ],
)
def test_our_own_form_and_a_program_pass(headers: dict[str, str]) -> None:
    refuse_foreign(form(**headers))
