"""Six digits by mail that prove who asks about a house, and the short session that they open (PR-4)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.errors import NotAuthenticated, NotFound
from shared.schemas.mail import EmailMessage

CODE_LIFE: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5
SESSION_LIFE: Final = timedelta(minutes=30)
FORGET_AFTER: Final = timedelta(hours=22)
"""How long a code is kept after it was asked for, so that the hourly job keeps the day we promise."""
DIGITS: Final = 6
TEMPLATE: Final = "privacy_code"
_CODE: Final = "privacy-code"
_CODE_HASH: Final = "privacy-code-hash"
_SESSION: Final = "privacy-session"
_ID_CHARACTERS: Final = 32
_ENTROPY_CHARACTERS: Final = 16

Tag = Callable[[str, str], str]
"""The keyed hash of a value for a purpose, 64 hex characters."""


class CodeNotValid(NotFound):
    """A code that is wrong, used, replaced, tried too often, run out or never mailed: all the same to its reader."""

    code = "privacy-code-not-valid"


class NoPrivacySession(NotAuthenticated):
    """Nobody has proven who asks, or the time for it is over."""

    code = "no-privacy-session"


@dataclass(frozen=True, slots=True)
class House:
    """The house and the address that a code was asked for, as they were typed."""

    street: str
    city: str
    state: str
    zip: str
    address_key: str
    email: str


def digits_of(code_id: UUID, tag: Tag) -> str:
    """The six digits of a code; always the same, so that a message sent again is the same and none is stored."""
    return f"{int(tag(_CODE, code_id.hex)[:_ENTROPY_CHARACTERS], 16) % 10**DIGITS:0{DIGITS}d}"


def hash_digits(code_id: UUID, digits: str, tag: Tag) -> str:
    """The stored form of digits: keyed, as a plain hash of six digits is guessed at once."""
    return tag(_CODE_HASH, f"{code_id.hex}:{digits}")


def are_right(code_id: UUID, digits: str, code_hash: str, tag: Tag) -> bool:
    """True for the digits that were mailed, with or without the blanks a reader puts between them."""
    plain = "".join(digits.split())
    return hmac.compare_digest(hash_digits(code_id, plain, tag), code_hash)


def session_token(code_id: UUID, tag: Tag) -> str:
    """What a browser keeps of a session: the id of its code, signed by us."""
    return f"{code_id.hex}{tag(_SESSION, code_id.hex)}"


def session_id(token: str, tag: Tag) -> UUID | None:
    """The code behind a token that we signed; whether its session lasts, its row says."""
    head, signature = token[:_ID_CHARACTERS], token[_ID_CHARACTERS:]
    if not token.isascii() or not hmac.compare_digest(tag(_SESSION, head), signature):
        return None
    return UUID(hex=head)


def code_message(code_id: UUID, email: str, tag: Tag) -> EmailMessage:
    """The mail with the digits: plain text without a link, so that nothing in it can be followed elsewhere."""
    return EmailMessage(
        recipient=email,
        subject="Your code for what we hold about your house",
        text=(
            "Somebody asked Ridgeline what it holds about a house and gave this e-mail address. If it was you, "
            f"type this code on the page:\n\n{digits_of(code_id, tag)}\n\n"
            "The code holds for 15 minutes and works once. If it was not you, do nothing: without the code nobody "
            "sees anything.\n"
        ),
        category=TEMPLATE,
    )
