"""Sending one e-mail under one consumed decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from shared.compliance.store import ConsumedDecision
from shared.errors import InvalidInput, PolicyViolation
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.mail import EmailMessage

RecipientHash = Callable[[str], str]
"""The blind index of an e-mail address, as decisions keep it."""


@dataclass(frozen=True, slots=True)
class SentEmail:
    """The vendor took the message; whether it arrives, its webhooks tell."""

    id: str
    provider: str

    def record(self) -> dict[str, Any]:
        """The answer as the JSON that an effect stores."""
        return asdict(self)


class Mailer(Protocol):
    """Sends e-mail."""

    name: str

    async def send(self, decision: ConsumedDecision, message: EmailMessage) -> SentEmail:
        """Hand the message over once; PolicyViolation, and nothing sent, where the decision is for another."""


def require_match(decision: ConsumedDecision, message: EmailMessage, recipient_hash: RecipientHash) -> None:
    """Raise PolicyViolation unless channel, recipient and content are those that were decided on."""
    differs = [
        name
        for name, same in (
            ("channel", decision.channel == "email"),
            ("recipient", decision.recipient_hash == recipient_hash(message.recipient)),
            ("content", decision.content_hash == message.content_hash()),
        )
        if not same
    ]
    if differs:
        raise PolicyViolation(
            f"the decision was made for another {' and '.join(differs)}",
            decision_id=str(decision.decision_id),
        )


def _sendgrid(settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> Mailer:
    from shared.providers.mailer.sendgrid import SendGridMailer

    return SendGridMailer(settings, deps, recipient_hash)


_MAILERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps, RecipientHash], Mailer]]] = {
    "sendgrid": _sendgrid
}


def build(settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> Mailer:
    """The vendor of MAILER."""
    if settings.mailer not in _MAILERS:
        raise InvalidInput(f"no mailer is called {settings.mailer}")
    return _MAILERS[settings.mailer](settings, deps, recipient_hash)
