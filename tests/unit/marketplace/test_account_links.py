"""Links in e-mails: signed, the same whenever they are made, refused when one character differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.marketplace.domain.accounts import (
    RULES,
    TOKEN_CHARACTERS,
    Recipient,
    hash_link,
    is_ours,
    link_message,
    make_token,
    unlinked,
)
from services.marketplace.domain.people import LastOwner, refuse_ownerless
from shared.errors import NotFound
from shared.schemas.account_enums import LinkKind
from shared.schemas.enums import UserRole
from shared.security.fields import KeyRing

OWNER, MEMBER = UserRole.CONTRACTOR_OWNER, UserRole.CONTRACTOR_MEMBER
RING = KeyRing({}, b"p" * 32)
LINK = UUID("7b0c0a35-3c5b-4f0e-9a5e-3a1f3f1a2b4c")


def test_a_token_is_ours_and_the_same_every_time() -> None:
    token = make_token(LINK, RING.tag)

    assert token == make_token(LINK, RING.tag)
    assert (len(token), is_ours(token, RING.tag)) == (TOKEN_CHARACTERS, True)
    assert token not in hash_link(token)


@pytest.mark.parametrize("at", [0, 31, 32, TOKEN_CHARACTERS - 1])
def test_one_other_character_makes_a_token_foreign(at: int) -> None:
    token = make_token(LINK, RING.tag)
    other = "0" if token[at] != "0" else "1"

    assert not is_ours(token[:at] + other + token[at + 1 :], RING.tag)


@pytest.mark.parametrize("token", ["", "x", "é" * TOKEN_CHARACTERS, "0" * (TOKEN_CHARACTERS + 1)])
def test_what_is_no_token_is_foreign(token: str) -> None:
    assert not is_ours(token, RING.tag)


def test_another_pepper_makes_another_token() -> None:
    assert not is_ours(make_token(LINK, RING.tag), KeyRing({}, b"q" * 32).tag)


@pytest.mark.parametrize("kind", list(LinkKind))
def test_a_message_holds_the_link_and_nothing_is_left_open(kind: LinkKind) -> None:
    to = Recipient("pat@roofs.example", "Pat", company="Harrow {link} Roofing", inviter="Kim")

    message = link_message(kind, "t0ken", to, "https://ridgeline.example/")

    assert f"\n\nhttps://ridgeline.example{RULES[kind].page}/t0ken\n\n" in message.text
    assert message.text.count("https://") == 1
    assert (message.recipient, message.category) == ("pat@roofs.example", RULES[kind].template)


def test_a_link_that_takes_an_account_over_holds_the_shortest() -> None:
    assert RULES[LinkKind.RESET].life == timedelta(minutes=30)
    assert min(rule.life for rule in RULES.values()) == RULES[LinkKind.RESET].life


def test_an_invitation_without_the_name_of_who_invites_is_still_a_sentence() -> None:
    to = replace(Recipient("pat@roofs.example", company="Harrow Roofing"), inviter="")

    assert link_message(LinkKind.INVITE, "t", to, "").text.startswith("The owner of Harrow Roofing invites")


def test_the_only_owner_neither_leaves_nor_becomes_a_member() -> None:
    owner, member = uuid4(), uuid4()
    people = {owner: OWNER, member: MEMBER}

    for new_role in (None, MEMBER):
        with pytest.raises(LastOwner, match="at least one owner"):
            refuse_ownerless(people, owner, new_role)
    refuse_ownerless(people, owner, OWNER)
    refuse_ownerless(people, member, None)
    refuse_ownerless(people | {member: OWNER}, owner, None)


def test_somebody_of_another_company_is_not_found() -> None:
    with pytest.raises(NotFound, match="no such person"):
        refuse_ownerless({uuid4(): OWNER}, uuid4(), OWNER)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Harrow Roofing LLC", "Harrow Roofing LLC"),
        ("J. R. Smith & Sons, Inc.", "J. R. Smith & Sons, Inc."),
        ("A.B. Roofing", "A.B. Roofing"),
        ("Roofs.com", "Roofs. com"),
        ("your bank, https://evil.example/login", "your bank, https: //evil. example/login"),
        ("evil\u3002com", "evil\u3002 com"),
        ("http://10.20.30.40/", "http: //10. 20. 30. 40/"),
    ],
)
def test_a_name_in_a_mail_is_no_link(name: str, shown: str) -> None:
    assert unlinked(name) == shown


def test_an_invitation_leads_nowhere_but_to_its_own_page() -> None:
    to = Recipient("kim@roofs.example", company="Win at https://evil.example", inviter="evil.example")

    message = link_message(LinkKind.INVITE, "ab" * 48, to, "https://ridgeline.test")

    assert "https://ridgeline.test/join/" in message.text
    assert "evil.example" not in f"{message.subject} {message.text}"
