"""Choices about accounts: the links that prove an e-mail address, and what an API key opens."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

API_KEY_PREFIX: Final = "rlb_"
"""How the API key of a buyer begins, so that nobody takes it for a token, or for a company's upload key."""


class LinkKind(StrEnum):
    """What the link in an e-mail lets its reader do."""

    VERIFY = "verify"
    RESET = "reset"
    INVITE = "invite"


class KeyScope(StrEnum):
    """What a buyer's API key may be used for."""

    LEADS_READ = "leads:read"
    LEADS_PURCHASE = "leads:purchase"


class PushEnd(StrEnum):
    """Why a device gets no notices any more."""

    BY_PERSON = "by_person"
    GONE = "gone"
    """Its push service knows it no more."""
    OTHER_PERSON = "other_person"
    """Somebody else turned notices on in the same browser."""
