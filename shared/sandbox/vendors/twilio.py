"""Twilio messages: takes texts, keeps them, tells what became of each, and passes on what people text back.

`{base}/2010-04-01/Accounts/{account}/Messages.json`. What becomes of a text stands in its number's last two digits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.sandbox.state import Sandbox
from shared.sandbox.webhooks import Delivery
from shared.schemas.text_message import segments

KEPT: Final = 20_000
ACCOUNT: Final = re.compile(r"AC[0-9a-fA-F]{32}")
NUMBER: Final = re.compile(r"\+1[2-9]\d{9}")
OUR_NUMBER: Final = "+15125550101"
BODY_CAP: Final = 1_600
STOPS: Final = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
STARTS: Final = frozenset({"START", "UNSTOP", "YES"})
REFUSED: Final[Mapping[str, tuple[int, str]]] = {
    "11": (21211, "Invalid 'To' Phone Number"),
    "14": (21614, "'To' number is not a valid mobile number"),
    "10": (21610, "Attempt to send to unsubscribed recipient"),
}
"""Codes of a 400, by the end of the number."""
LOST: Final[Mapping[str, int]] = {
    "03": 30003,
    "04": 30004,
    "05": 30005,
    "06": 30006,
    "07": 30007,
    "34": 30034,
}
"""Codes of a text that was taken and did not arrive, by the end of the number."""
TOKEN: Final = "sandbox"  # noqa: S105 - the sandbox's own


class Inbound(BaseModel):
    """A text from somebody's phone to us."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    sender: str = Field(alias="from", pattern=r"^\+1[2-9]\d{9}$")
    body: str = Field(max_length=BODY_CAP)
    message_sid: str = Field("", max_length=64)


class TextDesk:
    """Texts taken so far, and the numbers that answered STOP."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.stopped: set[str] = set()
        self.messages.extend(value for kind, _, value in sandbox.journal.entries() if kind == "twilio.text")
        sandbox.on_reset(self.clear)

    def clear(self) -> None:
        """Forget every text and every STOP."""
        self.messages.clear()
        self.stopped.clear()

    @property
    def token(self) -> str:
        """What signs our callbacks."""
        return self.sandbox.settings.twilio_auth_token.get_secret_value() or TOKEN

    def refusal(self, form: Mapping[str, str]) -> tuple[int, str] | None:
        """The vendor's code and words for a text that it does not take."""
        to, body = form.get("To", ""), form.get("Body", "")
        if not NUMBER.fullmatch(to):
            return 21211, "Invalid 'To' Phone Number"
        if not form.get("MessagingServiceSid") and not form.get("From"):
            return 21603, "A 'From' phone number is required"
        if not body:
            return 21602, "Message body is required"
        if len(body) > BODY_CAP:
            return 21617, "The concatenated message body exceeds the 1600 character limit"
        if to in self.stopped:
            return REFUSED["10"]
        return REFUSED.get(to[-2:])

    def take(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Keep a text, tell its fate out of band, and return it as the vendor does."""
        sid = f"SM{uuid4().hex}"
        kept = {
            "sid": sid,
            "to": form["To"],
            "from": form.get("From") or OUR_NUMBER,
            "body": form["Body"],
            "status_callback": form.get("StatusCallback", ""),
            "received_at": time.time(),
        }
        self.messages.append(kept)
        self.sandbox.journal.append("twilio.text", sid, kept)
        error = LOST.get(form["To"][-2:])
        for status in ("sent", "undelivered" if error else "delivered"):
            self.tell(kept, status, error if status == "undelivered" else None)
        return _message(kept, form)

    def tell(self, kept: Mapping[str, Any], status: str, error: int | None = None) -> None:
        """Call a text's own callback with its status."""
        if not kept["status_callback"] or self.sandbox.settings.twilio_webhook_url == "off":
            return
        fields = {
            "MessageSid": kept["sid"],
            "MessageStatus": status,
            "To": kept["to"],
            "From": kept["from"],
            "AccountSid": f"AC{0:032x}",
            "ApiVersion": "2010-04-01",
            **({"ErrorCode": str(error)} if error else {}),
        }
        self._send(kept["status_callback"], fields)

    def receive(self, inbound: Inbound) -> str:
        """Pass on what somebody texted; the vendor itself remembers STOP and START."""
        word = inbound.body.strip().upper()
        if word in STOPS:
            self.stopped.add(inbound.sender)
        elif word in STARTS:
            self.stopped.discard(inbound.sender)
        sid = inbound.message_sid or f"SM{uuid4().hex}"
        fields = {
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": f"AC{0:032x}",
            "From": inbound.sender,
            "To": OUR_NUMBER,
            "Body": inbound.body,
            "NumMedia": "0",
            "ApiVersion": "2010-04-01",
        }
        self._send(self.sandbox.settings.twilio_webhooks_to, fields)
        return sid

    def _send(self, url: str, fields: Mapping[str, str]) -> None:
        body = urlencode(fields).encode()

        def sign(_: bytes, forged: bool) -> dict[str, str]:  # noqa: FBT001 - the signature of Sign
            text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
            key = "forged" if forged else self.token
            made = hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()
            kind = "application/x-www-form-urlencoded"
            return {"content-type": kind, "X-Twilio-Signature": base64.b64encode(made).decode()}

        self.sandbox.webhooks.send(Delivery("twilio", url, body, sign))


def router(desk: TextDesk) -> APIRouter:
    """Routes of the messages, and doors of our own to look at them and to text back."""
    routes = APIRouter()

    @routes.post("/twilio/2010-04-01/Accounts/{account}/Messages.json")
    async def create(account: str, request: Request) -> Response:
        if not _knows(request.headers.get("authorization", ""), account):
            return _error(20003, "Authenticate", 401)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        refusal = desk.refusal(form)
        if refusal is not None:
            return _error(*refusal, 400)
        return JSONResponse(desk.take(form), status_code=201, headers={"Twilio-Concurrent-Requests": "1"})

    @routes.get("/_sandbox/twilio/messages")
    def messages(to: str = "") -> dict[str, Any]:
        kept = [each for each in desk.messages if not to or each["to"] == to]
        return {"count": len(kept), "messages": kept}

    @routes.post("/_sandbox/twilio/inbound")
    async def inbound(text: Inbound) -> dict[str, str]:
        return {"sid": desk.receive(text)}

    @routes.post("/_sandbox/twilio/status/{sid}")
    async def status(sid: str, status: str, error: int | None = None) -> dict[str, int]:
        found = [each for each in desk.messages if each["sid"] == sid]
        for each in found:
            desk.tell(each, status, error)
        return {"told": len(found)}

    return routes


def _knows(header: str, account: str) -> bool:
    """Any token but a bad one, of the account that the path names."""
    try:
        name, _, token = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        return False
    mine = bool(ACCOUNT.fullmatch(account)) and name == account
    return mine and bool(token) and "bad" not in token


def _error(code: int, words: str, status: int) -> JSONResponse:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": words, "more_info": more, "status": status}
    return JSONResponse(body, status_code=status)


def _message(kept: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    account = f"AC{0:032x}"
    now = formatdate(kept["received_at"], usegmt=True).replace("GMT", "+0000")
    return {
        "sid": kept["sid"],
        "account_sid": account,
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "to": kept["to"],
        "from": None if form.get("MessagingServiceSid") else kept["from"],
        "body": kept["body"],
        "status": "accepted" if form.get("MessagingServiceSid") else "queued",
        "direction": "outbound-api",
        "num_segments": str(segments(kept["body"])),
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "api_version": "2010-04-01",
        "date_created": now,
        "date_updated": now,
        "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{kept['sid']}.json",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{account}/Messages/{kept['sid']}/Media.json"},
    }
