"""SendGrid v3 mail send (contracts/sendgrid.md)."""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from shared.compliance.reasons import Obligation
from shared.compliance.store import ConsumedDecision
from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.mailer import RecipientHash, SentEmail, require_match
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings
from shared.schemas.mail import EmailMessage

DECISION_ARG: Final = "decision_id"
"""Custom argument that comes back in every event webhook: events are joined by it."""


class SendGridMailer:
    """There is no idempotency key: a send whose answer is lost is not repeated, its webhooks decide."""

    name = "sendgrid"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps, recipient_hash: RecipientHash) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}"}
        self._client = ProviderClient(self.name, settings.client(self.name, headers=headers), deps)
        self._settings = settings
        self._recipient_hash = recipient_hash

    async def send(self, decision: ConsumedDecision, message: EmailMessage) -> SentEmail:
        """Hand the message over once; PolicyViolation, and nothing sent, where the decision is for another."""
        require_match(decision, message, self._recipient_hash)
        request = ProviderRequest(
            endpoint="/v3/mail/send",
            method="POST",
            path="/v3/mail/send",
            json=self._body(decision, message),
            repeat=Repeat.ONCE,
            judge=_judge,
        )
        reply = await self._client.call(request)
        message_id = reply.answer.headers.get("x-message-id")
        if not message_id:
            raise ProviderBadAnswer("taken without a message id", provider=self.name, may_have_acted=True)
        return SentEmail(message_id, self.name)

    def _body(self, decision: ConsumedDecision, message: EmailMessage) -> dict[str, Any]:
        to = {"email": message.recipient}
        if message.recipient_name:
            to["name"] = message.recipient_name
        link = f"{self._settings.unsubscribe_url}/{decision.decision_id}"
        footer = [f"{self._settings.mail_from_name}, {self._settings.mail_postal_address}"]
        if Obligation.BODY_UNSUB_LINK in decision.obligations:
            footer.append(f"No more mails like this: {link}")
        content = [{"type": "text/plain", "value": "\n".join([f"{message.text.rstrip()}\n", *footer, ""])}]
        if message.html is not None:
            content.append(
                {"type": "text/html", "value": f"{message.html}<p>{escape(', '.join(footer))}</p>"}
            )
        body: dict[str, Any] = {
            "personalizations": [{"to": [to], "custom_args": {DECISION_ARG: str(decision.decision_id)}}],
            "from": {"email": self._settings.mail_from, "name": self._settings.mail_from_name},
            "subject": message.subject,
            "content": content,
            "headers": self._unsubscribe_headers(decision, link),
        }
        if message.reply_to:
            body["reply_to"] = {"email": message.reply_to}
        if message.category:
            body["categories"] = [message.category]
        return body

    def _unsubscribe_headers(self, decision: ConsumedDecision, link: str) -> dict[str, str]:
        """One-click unsubscribe (RFC 8058)."""
        mailbox = f"unsubscribe@{self._settings.mail_from.partition('@')[2] or urlsplit(link).hostname}"
        return {
            "List-Unsubscribe": f"<{link}>, <mailto:{mailbox}?subject={decision.decision_id}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


def _judge(answer: Answer) -> Verdict:
    if answer.status == 202:
        return Verdict(Outcome.OK, billable=True)
    if answer.status == 200:  # the vendor's own sandbox mode checks a message and throws it away
        return Verdict(Outcome.INVALID, message="checked but not sent")
    if answer.status in (400, 413):
        return Verdict(Outcome.INVALID, message=_complaint(answer))
    if answer.status == 404:
        return Verdict(Outcome.INVALID, message="no such address of the API")
    return judge_by_status(answer)


def _complaint(answer: Answer) -> str:
    """The fields that are wrong; the messages may quote an address and stay out."""
    try:
        errors = answer.json_object().get("errors") or ()
    except ProviderBadAnswer:
        return f"HTTP {answer.status}"
    named = {str(error.get("field")) for error in errors if isinstance(error, dict) and error.get("field")}
    return f"HTTP {answer.status}: {', '.join(sorted(named))}"[:300]
