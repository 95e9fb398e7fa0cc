"""SendGrid: takes mail, keeps it in an inbox, and tells what became of it. `{base}/v3/mail/send`."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import deque
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.state import Sandbox
from shared.sandbox.vendors.sendgrid_rules import problems_of
from shared.sandbox.vendors.zerobounce import email_truth
from shared.sandbox.webhooks import Delivery

INBOX_SIZE = 20_000
CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BODY_CAP_BYTES = 30 * 1024 * 1024
RATE_LIMIT = 600


class Mailroom:
    """Mail taken so far, and the key its events are signed with."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.messages: deque[dict[str, Any]] = deque(maxlen=INBOX_SIZE)
        self._key, self._forger = _private_key(sandbox.settings.seed), _private_key(-1)
        self.messages.extend(value for kind, _, value in sandbox.journal.entries() if kind == "sendgrid.mail")
        sandbox.on_reset(self.clear)

    def clear(self) -> None:
        """Empty the inbox."""
        self.messages.clear()

    def public_key(self) -> str:
        """Key that verifies event signatures: base64 of the DER form, as the vendor shows it."""
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def take(self, mail: dict[str, Any]) -> str:
        """Keep a message, tell its fate out of band, and return its id."""
        message_id = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        events: list[dict[str, Any]] = []
        for personalization in mail["personalizations"]:
            for recipient in personalization["to"]:
                kept = _kept(message_id, mail, personalization, recipient)
                self.messages.append(kept)
                self.sandbox.journal.append("sendgrid.mail", message_id, kept)
                args = {**mail.get("custom_args", {}), **personalization.get("custom_args", {})}
                events += self._events(message_id, recipient["email"], args, len(events))
        self._send_events(events)
        return message_id

    def _events(self, message_id: str, email: str, args: dict[str, str], first: int) -> list[dict[str, Any]]:
        now = int(time.time())
        fate = self._fate(email)
        events = []
        for order, kind in enumerate(("processed", fate)):
            event_id = hashlib.sha256(f"{message_id}/{email}/{kind}".encode()).hexdigest()[:22]
            event = {
                "email": email,
                "timestamp": now + order,
                "event": kind,
                "sg_event_id": event_id,
                "sg_message_id": f"{message_id}.recvd-5f9c-{first + order}",
                "smtp-id": f"<{message_id}@geopod-ismtpd-1>",
                **args,
            }
            if kind == "bounce":
                event |= {"reason": "550 5.1.1 mailbox does not exist", "status": "5.1.1", "type": "bounce"}
            events.append(event)
        return events

    def _fate(self, email: str) -> str:
        """What becomes of mail to an address: owners by their truth, others by what their name asks for."""
        account = email.partition("@")[0].lower()
        for word, fate in (
            ("bounce", "bounce"),
            ("dropped", "dropped"),
            ("spam", "spamreport"),
            ("defer", "deferred"),
        ):
            if account.startswith(word):
                return fate
        truth = email_truth(self.sandbox, email)
        status = truth[0].owner(truth[1]).email_status if truth else "valid"
        return "bounce" if status in ("invalid", "spamtrap") else "delivered"

    def _send_events(self, events: list[dict[str, Any]]) -> None:
        rows = ",\r\n".join(json.dumps(event, separators=(",", ":")) for event in events)
        body = f"[{rows}]\r\n".encode()
        self.sandbox.webhooks.send(
            Delivery("sendgrid", self.sandbox.settings.sendgrid_webhooks_to, body, self.sign)
        )

    def sign(self, body: bytes, forged: bool) -> dict[str, str]:  # noqa: FBT001 - the signature of Sign
        """Headers that sign an event body now."""
        stamp = str(int(time.time()))
        key = self._forger if forged else self._key
        made = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(made).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }


def router(mailroom: Mailroom) -> APIRouter:
    """Routes of the mail service."""
    routes = APIRouter(prefix="/sendgrid/v3")

    @routes.post("/mail/send")
    async def send(request: Request) -> Response:
        body = await request.body()
        refusal = _refusal(request, body)
        if refusal is not None:
            return refusal
        try:
            mail = json.loads(body)
        except ValueError:
            return _errors(400, [("Bad Request", None)])
        found = problems_of(mail)
        if found:
            return _errors(400, found)
        headers = {
            "X-RateLimit-Limit": str(RATE_LIMIT),
            "X-RateLimit-Remaining": str(RATE_LIMIT - 1),
            "X-RateLimit-Reset": str(int(time.time()) + 60),
        }
        if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Response(status_code=200, headers=headers)
        return Response(status_code=202, headers={**headers, "X-Message-Id": mailroom.take(mail)})

    @routes.get("/user/webhooks/event/settings/signed/{webhook}")
    def signed(webhook: str, request: Request) -> Response:
        return _refusal(request, b"{}") or JSONResponse({"id": webhook, "public_key": mailroom.public_key()})

    return routes


def _refusal(request: Request, body: bytes) -> Response | None:
    key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not key or "bad" in key:
        return _errors(401, [("The provided authorization grant is invalid, expired, or revoked", None)])
    if len(body) > BODY_CAP_BYTES:
        return _errors(413, [("Payload too large", None)])
    kind = request.headers.get("content-type", "application/json")
    if not kind.startswith("application/json"):
        return _errors(415, [("Content-Type should be application/json.", None)])
    return None


def _errors(status: int, found: list[tuple[str, str | None]]) -> JSONResponse:
    errors = [{"message": message, "field": field} for message, field in found]
    return JSONResponse({"errors": errors}, status_code=status)


def _kept(
    message_id: str, mail: dict[str, Any], personalization: dict[str, Any], recipient: dict[str, str]
) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "to": recipient["email"],
        "from": mail["from"]["email"],
        "reply_to": mail.get("reply_to", {}).get("email"),
        "subject": personalization.get("subject") or mail.get("subject"),
        "headers": {**mail.get("headers", {}), **personalization.get("headers", {})},
        "content": {part["type"]: part["value"] for part in mail.get("content", [])},
        "custom_args": {**mail.get("custom_args", {}), **personalization.get("custom_args", {})},
        "categories": mail.get("categories", []),
        "received_at": time.time(),
    }


def _private_key(seed: int) -> ec.EllipticCurvePrivateKey:
    digest = hashlib.sha256(f"ridgeline sandbox mail events {seed}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) % (CURVE_ORDER - 1) + 1, ec.SECP256R1())
