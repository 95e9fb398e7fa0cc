"""Seeds: an invented contact for one buyer, and what a contact that reaches it says (G-28)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.schemas.text import Email, Line

AGREED_SINCE: Final = "2026-12"
"""The first version of the terms that tells buyers of seeds; versions are year and month."""
MOST_WAITING: Final = 5
"""So many seeds wait for a buyer's next file at most: a file must not be full of nobody."""
FIRST_NAMES: Final = ("Alan", "Carol", "Diane", "Frank", "Janet", "Keith", "Marie", "Peter", "Ruth", "Wayne")
LAST_NAMES: Final = ("Abbott", "Barlow", "Conway", "Dalton", "Easton", "Foster", "Granger", "Holden", "Marsh")
SHARED_DOMAINS: Final = frozenset(
    {
        "aol.com", "comcast.net", "gmail.com", "hotmail.com", "icloud.com", "live.com", "msn.com", "outlook.com",
        "proton.me", "protonmail.com", "yahoo.com",
    }
)  # fmt: skip
"""Mail domains of everybody: there the whole address says who wrote."""


@dataclass(frozen=True, slots=True)
class Invented:
    """A person who does not exist, and the address of ours at which only this one is written to."""

    first_name: str
    last_name: str
    email: str


class NewSeed(BaseModel):
    """Why a seed is planted."""

    model_config = ConfigDict(extra="forbid")
    reason: Line


class NewSighting(BaseModel):
    """A mail that reached a seed: who sent it, when it came, what it was about."""

    model_config = ConfigDict(extra="forbid")
    sender: Email
    seen_at: AwareDatetime
    note: Line


class Settlement(BaseModel):
    """Why an alarm is over: what was found, and what follows from it."""

    model_config = ConfigDict(extra="forbid")
    note: Line


class SightingView(BaseModel):
    """A contact that reached a seed; `by_buyer` is one that nobody minds."""

    id: UUID
    sender_domain: str
    by_buyer: bool
    seen_at: datetime
    note: str


class SeedView(BaseModel):
    """A seed as operators see it: waiting until `handed_at`, under alarm since `alarm_at` and until `settled_at`."""

    id: UUID
    contractor_id: UUID
    first_name: str
    last_name: str
    email: str
    reason: str
    created_at: datetime
    handed_at: datetime | None
    alarm_at: datetime | None
    settled_at: datetime | None
    settled_note: str | None
    sightings: list[SightingView]


def invent(token: str, domain: str, rng: random.Random) -> Invented:
    """Somebody who does not exist; the token makes the address one that nobody guesses, and no `+` lets it be cut off."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return Invented(first, last, f"{first}.{last}.{token}@{domain}".lower())


def has_agreed(accepted: str | None) -> bool:
    """Whether the terms that a buyer accepted tell of seeds."""
    return accepted is not None and accepted >= AGREED_SINCE


def domain_of(address: str) -> str:
    """The domain of an e-mail address."""
    return address.rpartition("@")[2].lower()


def is_buyers(sender: str, own: Iterable[str]) -> bool:
    """Whether a sender is the buyer: its domain is one of the buyer's, its whole address where the domain is everybody's."""
    known = [address.lower() for address in own]
    if domain_of(sender) in SHARED_DOMAINS:
        return sender.lower() in known
    return domain_of(sender) in map(domain_of, known)
