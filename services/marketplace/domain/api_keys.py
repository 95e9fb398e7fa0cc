"""API keys of buyers: how they look, what each scope opens, how long they hold."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, Field

from shared.schemas.account_enums import API_KEY_PREFIX, KeyScope
from shared.security.policy import Action

SHOWN_CHARACTERS: Final = 12
KEY_CHARACTERS: Final = len(API_KEY_PREFIX) + 43
LONGEST_DAYS: Final = 365
USUAL_DAYS: Final = 90
MOST_KEYS: Final = 20
"""A company's keys at once."""

OPENS: Final[Mapping[KeyScope, frozenset[Action]]] = {
    KeyScope.LEADS_READ: frozenset({Action.LEAD_LIST, Action.LEAD_READ, Action.SALE_READ}),
    KeyScope.LEADS_PURCHASE: frozenset({Action.LEAD_PURCHASE, Action.SALE_READ}),
}
WORDS: Final[Mapping[KeyScope, str]] = {
    KeyScope.LEADS_READ: "Read leads",
    KeyScope.LEADS_PURCHASE: "Buy leads",
}

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


class KeyView(BaseModel):
    """A key as its company sees it: never the key itself."""

    id: UUID
    name: str
    prefix: str
    scopes: list[KeyScope]
    expires_at: datetime
    last_used_at: datetime | None
    created_at: datetime
    made_by: str


class NewKeyView(KeyView):
    """A key just made; `key` is shown this once."""

    key: str


def make_key() -> str:
    """A new key of 256 random bits."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def looks_like_key(presented: str) -> bool:
    """True for what may be a key of a buyer; only then it is looked up."""
    return presented.startswith(API_KEY_PREFIX) and len(presented) == KEY_CHARACTERS and presented.isascii()


def hash_key(key: str) -> str:
    """The stored form of a key: it has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def opened_by(scopes: Iterable[str]) -> frozenset[Action]:
    """Everything a key of these scopes may do; a word we do not know opens nothing."""
    known = {scope.value for scope in KeyScope}
    return frozenset().union(*(OPENS[KeyScope(scope)] for scope in scopes if scope in known))
