"""Twilio Programmable Messaging (contracts/twilio.md): one text to one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

from shared.compliance.store import ConsumedDecision
from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings
from shared.providers.texter import RecipientHash, SentText, require_match
from shared.schemas.text_message import TextMessage

DECISION_PARAMETER: Final = "decision"
"""Of the status callback's address: a text whose answer was lost is known again by it."""
VALID_SECONDS: Final = 900
"""How long the vendor may hold a text back: no longer than the decision that allows it."""


class TwilioTexter:
    """There is no idempotency key: a send whose answer is lost is not repeated, its callbacks decide."""

    name = "twilio"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> None:
        account = httpx.BasicAuth(settings.texting_account, settings.key(self.name))
        signed = next(account.auth_flow(httpx.Request("GET", "https://api.invalid")))
        headers = {"authorization": signed.headers["authorization"]}
        self._client = ProviderClient(self.name, settings.client(self.name, headers=headers), deps)
        self._settings = settings
        self._recipient_hash = recipient_hash

    async def send(self, decision: ConsumedDecision, message: TextMessage) -> SentText:
        """Hand the text over once; PolicyViolation, and nothing sent, where the decision is for another.

        ProviderRejected with `vendor_code` where the vendor takes none for this number.
        """
        require_match(decision, message, self._recipient_hash)
        request = ProviderRequest(
            endpoint="/2010-04-01/Accounts/Messages.json",
            method="POST",
            path=f"/2010-04-01/Accounts/{self._settings.texting_account}/Messages.json",
            data=self._form(decision, message),
            repeat=Repeat.ONCE,
            judge=_judge,
            cost=self._settings.twilio_text_cost_usd,
        )
        reply = await self._client.call(request)
        if not reply.found:
            code = reply.verdict.message
            raise ProviderRejected(
                "the vendor takes no text for this number", provider=self.name, vendor_code=code
            )
        sid = reply.answer.json_object().get("sid")
        if not isinstance(sid, str) or not sid:
            raise ProviderBadAnswer("taken without a message id", provider=self.name, may_have_acted=True)
        return SentText(sid, self.name)

    def _form(self, decision: ConsumedDecision, message: TextMessage) -> Mapping[str, str]:
        settings = self._settings
        sender = (
            {"MessagingServiceSid": settings.messaging_service}
            if settings.messaging_service
            else {"From": settings.twilio_from}
        )
        callback = f"{settings.text_callback_url}?{DECISION_PARAMETER}={decision.decision_id}"
        told = {"StatusCallback": callback} if settings.text_callback_url else {}
        return {
            "To": message.recipient,
            "Body": message.text,
            "ValidityPeriod": str(VALID_SECONDS),
            **sender,
            **told,
        }


NUMBER_CODES: Final = frozenset({21211, 21408, 21610, 21612, 21614})
"""Codes of a 400 that speak of the number and not of our request."""


def _judge(answer: Answer) -> Verdict:
    if answer.status == 201:
        return Verdict(Outcome.OK, billable=True)
    if answer.status == 400:
        try:
            code = answer.json_object().get("code")
        except ProviderBadAnswer:
            code = None
        if code in NUMBER_CODES:
            return Verdict(Outcome.NOT_FOUND, message=str(code))
        return Verdict(Outcome.INVALID, message=f"HTTP 400, code {code}")
    if answer.status == 404:
        return Verdict(Outcome.INVALID, message="no such account")
    return judge_by_status(answer)
