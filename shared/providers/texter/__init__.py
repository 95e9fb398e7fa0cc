"""Sending one text under one consumed decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from shared.compliance.reasons import Obligation
from shared.compliance.store import ConsumedDecision
from shared.errors import InvalidInput, PolicyViolation
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings
from shared.schemas.text_message import TextMessage, fits_one_segment

RecipientHash = Callable[[str], str]
"""The blind index of a number, as decisions keep it."""
BRAND: Final = "Ridgeline"
END_WORD: Final = "STOP"
OPTED_OUT: Final = "21610"
"""The vendor's code for a number that has answered STOP."""


@dataclass(frozen=True, slots=True)
class SentText:
    """The vendor took the text; whether it arrives, its webhooks tell."""

    id: str
    provider: str

    def record(self) -> dict[str, Any]:
        """The answer as the JSON that an effect stores."""
        return asdict(self)


class Texter(Protocol):
    """Sends texts."""

    name: str

    async def send(self, decision: ConsumedDecision, message: TextMessage) -> SentText:
        """Hand the text over once; PolicyViolation, and nothing sent, where the decision is for another.

        ProviderRejected with `vendor_code` where the vendor takes none for this number.
        """


def require_match(decision: ConsumedDecision, message: TextMessage, recipient_hash: RecipientHash) -> None:
    """Raise PolicyViolation unless channel, recipient and content are those decided on and the duties are met."""
    duties = decision.obligations
    differs = [
        name
        for name, same in (
            ("channel", decision.channel == "sms"),
            ("recipient", decision.recipient_hash == recipient_hash(message.recipient)),
            ("content", decision.content_hash == message.content_hash()),
            ("sender", Obligation.SENDER_NAME not in duties or BRAND in message.text),
            ("way out", Obligation.STOP_HELP_TEXT not in duties or END_WORD in message.text),
            ("length", fits_one_segment(message.text)),
        )
        if not same
    ]
    if differs:
        raise PolicyViolation(
            f"the decision was made for another {' and '.join(differs)}",
            decision_id=str(decision.decision_id),
        )


def _twilio(settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> Texter:
    from shared.providers.texter.twilio import TwilioTexter

    return TwilioTexter(settings, deps, recipient_hash)


_TEXTERS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps, RecipientHash], Texter]]] = {
    "twilio": _twilio
}


def build(settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> Texter | None:
    """The vendor of TEXTER; None where the setting names nobody."""
    if not settings.texts_by:
        return None
    if settings.texts_by not in _TEXTERS:
        raise InvalidInput(f"no vendor of texts is called {settings.texts_by}")
    return _TEXTERS[settings.texts_by](settings, deps, recipient_hash)
