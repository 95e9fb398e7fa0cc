"""Links in e-mails that prove an address: what each is for, how long it holds, and what its message says."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from shared.errors import NotFound
from shared.schemas.account_enums import LinkKind
from shared.schemas.enums import UserRole
from shared.schemas.mail import EmailMessage

FORGET_AFTER: Final = timedelta(days=30)
"""How long a link that has run out is kept."""
PURPOSE: Final = "account-link"
ID_CHARACTERS: Final = 32
TOKEN_CHARACTERS: Final = 96

LINKLIKE: Final = re.compile(r"(?<=\w)(?:[.\u3002\uff0e\uff61](?=\w{2})|:(?=//))")
"""What makes a link of a word: a dot before a name's next part, and the colon of an address."""

Tag = Callable[[str, str], str]
"""The keyed hash of a value for a purpose, 64 hex characters."""


class LinkNotValid(NotFound):
    """A link that was used, withdrawn, replaced, has run out, or was never ours: all the same to its reader."""

    code = "link-not-valid"


@dataclass(frozen=True, slots=True)
class LinkRule:
    """How long a link of a kind holds, where it leads, and the words around it."""

    life: timedelta
    page: str
    template: str
    subject: str
    text: str


RULES: Final[Mapping[LinkKind, LinkRule]] = {
    LinkKind.VERIFY: LinkRule(
        timedelta(days=7),
        "/verify",
        "account_verify",
        "Confirm your e-mail address",
        "Somebody signed up at Ridgeline with this address. If it was you, confirm it here:\n\n{link}\n\n"
        "The link holds for 7 days. If it was not you, do nothing.\n",
    ),
    LinkKind.RESET: LinkRule(
        timedelta(minutes=30),
        "/reset",
        "account_reset",
        "Set a new password",
        "Somebody asked for a new password of this account. If it was you, set it here:\n\n{link}\n\n"
        "The link holds for 30 minutes and works once; it ends every session. If it was not you, do nothing: "
        "the old password stays.\n",
    ),
    LinkKind.INVITE: LinkRule(
        timedelta(days=7),
        "/join",
        "account_invite",
        "{company} invites you to Ridgeline",
        "{inviter} of {company} invites you to work with the company's roofing leads. Join here:\n\n{link}\n\n"
        "The link holds for 7 days and works once. If you do not know the company, do nothing.\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a link, and for an invitation whose it is."""

    email: str
    full_name: str | None = None
    company: str = ""
    inviter: str = ""


class PersonView(BaseModel):
    """A colleague as the company's people see each other."""

    id: UUID
    email: str
    full_name: str | None
    role: UserRole
    email_verified_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime


class InvitationView(BaseModel):
    """An invitation that nobody has taken yet."""

    id: UUID
    email: str
    role: UserRole
    expires_at: datetime
    created_at: datetime


class CompanyPeople(BaseModel):
    """Everybody who works for the company here, and who is invited."""

    people: list[PersonView]
    invitations: list[InvitationView]


def make_token(link_id: UUID, tag: Tag) -> str:
    """The token of a link: its id, signed by us; always the same, so that a message sent again is the same."""
    return f"{link_id.hex}{tag(PURPOSE, link_id.hex)}"


def is_ours(token: str, tag: Tag) -> bool:
    """True for a token we signed; whether it still holds, its row says."""
    if len(token) != TOKEN_CHARACTERS or not token.isascii():
        return False
    signature = tag(PURPOSE, token[:ID_CHARACTERS])
    return hmac.compare_digest(signature, token[ID_CHARACTERS:])


def hash_link(token: str) -> str:
    """The stored form of a token: its signature has 256 bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def unlinked(name: str) -> str:
    """A name of somebody else's choice as a mail shows it: no mail program makes a link of it."""
    return LINKLIKE.sub(r"\g<0> ", name)


def link_message(kind: LinkKind, token: str, to: Recipient, public_url: str) -> EmailMessage:
    """The message around a link: plain text, and nothing but the link in it leads anywhere."""
    rule = RULES[kind]
    words = {
        "link": f"{public_url.rstrip('/')}{rule.page}/{token}",
        "company": unlinked(to.company),
        "inviter": unlinked(to.inviter) or "The owner",
    }
    return EmailMessage(
        recipient=to.email,
        recipient_name=to.full_name,
        subject=rule.subject.format(**words),
        text=rule.text.format(**words),
        category=rule.template,
    )
