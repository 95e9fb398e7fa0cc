"""Seeds: who does not exist, who agreed, whose mail it is."""

from __future__ import annotations

import random

import pytest

from services.marketplace.domain.seeds import (
    FIRST_NAMES,
    LAST_NAMES,
    SHARED_DOMAINS,
    domain_of,
    has_agreed,
    invent,
    is_buyers,
)


@pytest.mark.parametrize(
    ("accepted", "agreed"),
    [(None, False), ("", False), ("2026-11", False), ("2026-12", True), ("2027-01", True)],
)
def test_only_terms_that_tell_of_seeds_count(accepted: str | None, agreed: bool) -> None:
    assert has_agreed(accepted) is agreed


def test_an_invented_person_has_an_address_that_cannot_be_shortened() -> None:
    person = invent("0a1b2c", "mail.example", random.Random(3))

    assert person.first_name in FIRST_NAMES
    assert person.last_name in LAST_NAMES
    assert person.email == f"{person.first_name}.{person.last_name}.0a1b2c@mail.example".lower()
    assert "+" not in person.email


@pytest.mark.parametrize(
    ("sender", "own", "expected"),
    [
        ("sales@roofs.example", ["owner@roofs.example"], True),
        ("Sales@ROOFS.example", ["owner@Roofs.Example"], True),
        ("sales@other.example", ["owner@roofs.example"], False),
        ("sales@mail.roofs.example", ["owner@roofs.example"], False),
        ("sales@evilroofs.example", ["owner@roofs.example"], False),
        ("someone@gmail.com", ["owner@gmail.com"], False),
        ("Owner@gmail.com", ["owner@gmail.com"], True),
        ("owner@roofs.example", [], False),
    ],
)
def test_mail_is_the_buyers_by_its_domain_or_its_whole_address(
    sender: str, own: list[str], expected: bool
) -> None:
    assert is_buyers(sender, own) is expected


def test_domains_are_compared_in_small_letters() -> None:
    assert domain_of("A@B.Example") == "b.example"
    assert {name.lower() for name in SHARED_DOMAINS} == SHARED_DOMAINS
