"""Sending one message to one device by web push (RFC 8030), through the push service that its browser chose.

No decision of `can_contact` is spent on it: the rules on contact know e-mail alone and no push channel, and none of the
laws behind them (TCPA, CAN-SPAM) speaks of messages that a person's own browser fetches. What stands in for a decision
is the permission that the person gave the browser and takes back there, or by ending the device with us, and that the
sender re-reads in the last moment, together with the kill switch of all contact.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.push import PushMessage, PushTarget
from shared.security.web_push import Vapid


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What the push service made of it: it took the message, or knows this subscription no more."""

    gone: bool

    def record(self) -> dict[str, Any]:
        """The answer as the JSON that an effect stores."""
        return asdict(self)


class PushSender(Protocol):
    """Sends messages to browsers' subscriptions."""

    name: str

    async def send(self, target: PushTarget, message: PushMessage) -> PushAnswer:
        """Hand the message over once.

        Raises ProviderRejected for an address that nothing may be sent to and for a message that is refused. 429 and
        any answered 5xx say that it was not taken (RFC 8030: 201 alone is a promise) and may be tried again.
        """


def build(settings: ProviderSettings, deps: ProviderDeps, vapid: Vapid) -> PushSender:
    """The one sender there is: the protocol is a standard, whoever runs the push service."""
    from shared.providers.push.webpush import WebPush

    return WebPush(settings, deps, vapid)
