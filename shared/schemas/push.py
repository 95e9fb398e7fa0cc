"""A message to a person's device by web push, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Urgency = Literal["very-low", "low", "normal", "high"]
"""RFC 8030, section 5.3: what a device that saves its battery still takes."""


@dataclass(frozen=True, slots=True)
class PushTarget:
    """A browser's subscription: where its messages go, its public key and the secret it shares with us (base64url)."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class PushMessage:
    """What a device shows, for how many seconds a push service keeps it, and the topic of which it keeps one."""

    title: str
    words: str
    link: str
    topic: str
    ttl: int
    urgency: Urgency = "normal"
