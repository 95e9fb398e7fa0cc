"""A push service and the browsers behind it, which read what arrives. `{base}/webpush/send/{id}` (RFC 8030, 8291, 8292)."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from shared.errors import NotFound
from shared.sandbox.state import Sandbox

INBOX_SIZE = 20_000
BODY_CAP_BYTES = 4096
LONGEST_TOKEN_SECONDS = 24 * 3600
URGENCIES = ("very-low", "low", "normal", "high")


class Subscribing(BaseModel):
    """A page asks its browser for a subscription that one application alone may send to."""

    model_config = ConfigDict(extra="forbid")

    application_server_key: str


@dataclass(slots=True)
class BrowserKeys:
    """What the browser of one subscription keeps to itself."""

    application_server_key: str
    private: ec.EllipticCurvePrivateKey
    auth: bytes
    gone: bool = False

    @property
    def point(self) -> bytes:
        """The public half, which the application has too."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def read(self, body: bytes) -> str | None:
        """What a message says; None where this browser cannot decrypt it."""
        salt, length = body[:16], body[20] if len(body) > 20 else 0
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        try:
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
            shared = self.private.exchange(ec.ECDH(), theirs)
            secret = _hmac(_hmac(self.auth, shared), b"WebPush: info\x00" + self.point + sender + b"\x01")
            known = _hmac(salt, secret)
            key = _hmac(known, b"Content-Encoding: aes128gcm\x00\x01")[:16]
            nonce = _hmac(known, b"Content-Encoding: nonce\x00\x01")[:12]
            plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\x00")
        except (ValueError, InvalidTag):
            return None
        return plain[:-1].decode() if plain.endswith(b"\x02") else None


class PushRoom:
    """The subscriptions and the messages of this process; another process knows neither."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.browsers: dict[str, BrowserKeys] = {}
        self.messages: deque[dict[str, Any]] = deque(maxlen=INBOX_SIZE)
        sandbox.on_reset(self.clear)

    def clear(self) -> None:
        """Forget every browser and message."""
        self.browsers.clear()
        self.messages.clear()

    def subscribe(self, application_server_key: str) -> tuple[str, BrowserKeys]:
        """A new browser, by the id in its address."""
        name = uuid4().hex
        self.browsers[name] = BrowserKeys(
            application_server_key, ec.generate_private_key(ec.SECP256R1()), uuid4().bytes
        )
        return name, self.browsers[name]


def router(room: PushRoom) -> APIRouter:
    """The address that applications send to, and below /_sandbox the browsers' side."""
    routes = APIRouter()

    @routes.post("/webpush/send/{name}")
    async def send(name: str, request: Request) -> Response:
        body, browser = await request.body(), room.browsers.get(name)
        if browser is None or browser.gone:
            return _refused(410 if browser else 404, "no such subscription")
        refusal = _headers_refused(request, browser) or _body_refused(request, body)
        if refusal is not None:
            return refusal
        message_id = uuid4().hex
        room.messages.append(
            {
                "id": message_id,
                "subscription": name,
                "plain": _shown(browser.read(body)),
                "bytes": len(body),
                **{header: request.headers.get(header) for header in ("ttl", "urgency", "topic")},
                "received_at": time.time(),
            }
        )
        return Response(status_code=201, headers={"Location": f"/webpush/messages/{message_id}"})

    @routes.post("/_sandbox/webpush/subscriptions")
    def subscribe(order: Subscribing, request: Request) -> dict[str, Any]:
        name, browser = room.subscribe(order.application_server_key)
        return {
            "id": name,
            "endpoint": f"{_origin(request)}/webpush/send/{name}",
            "keys": {"p256dh": _text(browser.point), "auth": _text(browser.auth)},
        }

    @routes.delete("/_sandbox/webpush/subscriptions/{name}")
    def unsubscribe(name: str) -> dict[str, str]:
        if name not in room.browsers:
            raise NotFound("the sandbox has no such subscription")
        room.browsers[name].gone = True
        return {"status": "gone"}

    @routes.get("/_sandbox/webpush/messages")
    def messages(subscription: str = "") -> dict[str, Any]:
        kept = [each for each in room.messages if not subscription or each["subscription"] == subscription]
        return {"count": len(kept), "messages": kept}

    return routes


def _headers_refused(request: Request, browser: BrowserKeys) -> Response | None:
    """The refusal of a sender who does not prove to be the application that the browser subscribed to."""
    scheme, _, parts = request.headers.get("authorization", "").partition(" ")
    given = dict(part.strip().split("=", 1) for part in parts.split(",") if "=" in part)
    if scheme != "vapid" or not {"t", "k"} <= given.keys():
        return _refused(401, "no vapid token")
    if given["k"] != browser.application_server_key:
        return _refused(403, "the subscription is another application's")
    try:
        point = base64.urlsafe_b64decode(given["k"] + "=" * (-len(given["k"]) % 4))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        said = jwt.decode(given["t"], key, algorithms=["ES256"], audience=_origin(request))
    except (jwt.InvalidTokenError, ValueError) as error:
        return _refused(403, f"the token does not hold: {type(error).__name__}")
    too_long = said.get("exp", 0) > time.time() + LONGEST_TOKEN_SECONDS
    if too_long or urlsplit(said.get("sub", "")).scheme not in ("mailto", "https"):
        return _refused(403, "the token holds too long or names nobody to write to")
    return None


def _body_refused(request: Request, body: bytes) -> Response | None:
    if request.headers.get("content-encoding") != "aes128gcm":
        return _refused(415, "only aes128gcm")
    if len(body) > BODY_CAP_BYTES:
        return _refused(413, f"more than {BODY_CAP_BYTES} bytes")
    if not request.headers.get("ttl", "").isdigit():
        return _refused(400, "no TTL")
    topic = request.headers.get("topic", "")
    if request.headers.get("urgency", "normal") not in URGENCIES or len(topic) > 32:
        return _refused(400, "no such Urgency, or a Topic of more than 32 characters")
    return None


def _shown(plain: str | None) -> Any:
    """The message as JSON where it is some."""
    try:
        return plain and json.loads(plain)
    except ValueError:
        return plain


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hmac(key: bytes, said: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(said)
    return made.finalize()


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"code": status, "message": why}, status_code=status)
