"""Faults on request: what a vendor shall do wrong next, and how often it was called."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RECENT_CALLS = 200
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We will be back</h1></body></html>"
CUT_SHARE = 0.5
HUGE_BYTES = 1 << 30
METADATA_URL = "http://169.254.169.254/latest/meta-data/"
ERROR_BODY = b'{"error":{"code":500,"message":"Internal error"},"success":false}'
LONGEST_HANG_SECONDS = 120.0


class FaultKind(StrEnum):
    """What can go wrong."""

    LATENCY = "latency"
    TOO_MANY = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    HANG = "hang"
    LATE = "late"
    """The vendor acts at once and answers after `seconds`: the client gives up on work that was done."""
    HTML = "html"
    TRUNCATE = "truncate"
    DROP = "drop"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    FORGED = "forged"
    RENAME_COLUMN = "rename_column"
    EMPTY = "empty"
    HUGE = "huge"
    """A gigabyte of blanks, packed into some hundred kilobytes."""
    REDIRECT = "redirect"
    """A redirect to the address where clouds keep their machines' keys."""
    ERROR_INSIDE = "error_inside"
    """HTTP 200 with an error in its body."""
    INVENT = "invent"
    """A model says what no page said."""
    OBEY = "obey"
    """A model does what a page asked: it adds fields of its own."""


WEBHOOK_FAULTS = frozenset({FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER, FaultKind.FORGED})


class ConnectionDropped(httpx.RemoteProtocolError):
    """The vendor closed the connection; under ASGITransport the client sees the same error as over a socket."""


class FaultOrder(BaseModel):
    """Order to misbehave: the next `count` matching calls (webhooks for webhook faults)."""

    model_config = ConfigDict(extra="forbid")

    fault: FaultKind
    count: int = Field(1, ge=1, le=1_000_000)
    seconds: float = Field(0.0, ge=0.0, le=600.0)
    """Length of a latency or hang."""
    retry_after: float | None = Field(None, ge=0.0)
    match: str = ""
    """Start of the path below the vendor; every path when empty."""
    column: str = ""
    """Column to rename; the vendor's key column when empty."""


@dataclass(slots=True)
class VendorRecord:
    """Orders still open and calls counted for one vendor."""

    orders: list[FaultOrder] = field(default_factory=list)
    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    webhooks: Counter[str] = field(default_factory=Counter)
    """Deliveries tried, by the receiver's answer."""
    last_second: deque[float] = field(default_factory=deque)
    max_per_second: int = 0
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=RECENT_CALLS))

    def count(self, method: str, path: str, now: float) -> None:
        """Count a call and the busiest second so far."""
        self.by_path[f"{method} {path}"] += 1
        self.last_second.append(now)
        while self.last_second and self.last_second[0] <= now - 1.0:
            self.last_second.popleft()
        self.max_per_second = max(self.max_per_second, len(self.last_second))


class Misbehaviour:
    """Open orders and counters of all vendors."""

    def __init__(self) -> None:
        self.vendors: dict[str, VendorRecord] = {}

    def of(self, vendor: str) -> VendorRecord:
        """Record of a vendor."""
        return self.vendors.setdefault(vendor, VendorRecord())

    def order(self, vendor: str, order: FaultOrder) -> None:
        """Add an order behind the open ones."""
        self.of(vendor).orders.append(order)

    def take(self, vendor: str, path: str, *, webhook: bool = False) -> FaultOrder | None:
        """The next order that fits a call or a webhook, counted down; None when all is well."""
        orders = self.of(vendor).orders
        for place, order in enumerate(orders):
            if (order.fault in WEBHOOK_FAULTS) != webhook or not path.startswith(order.match):
                continue
            if order.count == 1:
                orders.pop(place)
            else:
                orders[place] = order.model_copy(update={"count": order.count - 1})
            return order
        return None

    def calls(self, vendor: str) -> dict[str, Any]:
        """Counters of a vendor since the last reset."""
        record = self.of(vendor)
        return {
            "calls": record.by_path.total(),
            "by_path": dict(record.by_path),
            "by_status": {str(status): count for status, count in record.by_status.items()},
            "webhooks": dict(record.webhooks),
            "max_per_second": record.max_per_second,
            "open_orders": [o.model_dump() for o in record.orders],
            "recent": list(record.recent),
        }

    def reset(self) -> None:
        """Forget orders and counters."""
        self.vendors.clear()


class MisbehaviourMiddleware:
    """Counts every vendor call and carries out the orders."""

    def __init__(self, app: ASGIApp, misbehaviour: Misbehaviour) -> None:
        self.app, self.misbehaviour = app, misbehaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the vendor, or as its order says."""
        vendor, path = _vendor_and_path(scope)
        if not vendor:
            await self.app(scope, receive, send)
            return
        record = self.misbehaviour.of(vendor)
        started = time.monotonic()
        record.count(scope["method"], path, started)
        order = self.misbehaviour.take(vendor, path)
        watched = _Watched(send)
        try:
            await self._answer(order, scope, receive, watched)
        finally:
            record.by_status[watched.status] += 1
            record.recent.append(
                {
                    "method": scope["method"],
                    "path": path,
                    "status": watched.status,
                    "fault": order.fault if order else None,
                    "seconds": round(time.monotonic() - started, 4),
                    "traceparent": dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1"),
                }
            )

    async def _answer(self, order: FaultOrder | None, scope: Scope, receive: Receive, send: _Watched) -> None:
        if order is None:
            await self.app(scope, receive, send)
        elif order.fault is FaultKind.LATENCY:
            await asyncio.sleep(order.seconds)
            await self.app(scope, receive, send)
        elif order.fault is FaultKind.HANG:
            await _until_gone(receive, order.seconds or LONGEST_HANG_SECONDS)
            await _respond(send, 504, b"", "text/plain", None)
        elif order.fault in _REFUSALS:
            status, body = _REFUSALS[order.fault]
            await _respond(send, status, body, "application/json", order.retry_after)
        elif order.fault is FaultKind.HTML:
            await _respond(send, 200, HTML_PAGE, "text/html; charset=utf-8", None)
        elif order.fault is FaultKind.ERROR_INSIDE:
            await _respond(send, 200, ERROR_BODY, "application/json", None)
        elif order.fault is FaultKind.REDIRECT:
            await _respond(send, 302, b"", "text/plain", None, (b"location", METADATA_URL.encode()))
        elif order.fault is FaultKind.HUGE:
            packed = (b"content-encoding", b"gzip")
            await _respond(send, 200, _huge_body(), "application/json", None, packed)
        else:
            await self._altered(order, scope, receive, send)

    async def _altered(self, order: FaultOrder, scope: Scope, receive: Receive, send: _Watched) -> None:
        """Let the vendor act, then lose or change its answer."""
        kept = _Kept()
        await self.app(scope, receive, kept)
        if order.fault is FaultKind.LATE:
            await asyncio.sleep(order.seconds)
        if order.fault is FaultKind.DROP:
            await send(
                {
                    "type": "http.response.start",
                    "status": kept.status,
                    "headers": [(b"content-length", str(len(kept.body) + 1).encode())],
                }
            )
            raise ConnectionDropped("peer closed connection without sending complete message body")
        vendor, _ = _vendor_and_path(scope)
        body = _change(order, kept.body, order.column or KEY_COLUMNS.get(vendor, ""))
        headers = [(name, value) for name, value in kept.headers if name.lower() != b"content-length"]
        await send(
            {
                "type": "http.response.start",
                "status": kept.status,
                "headers": [*headers, (b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": body})


_REFUSALS: dict[FaultKind, tuple[int, bytes]] = {
    FaultKind.TOO_MANY: (
        429,
        b'{"error":{"message":"Too many requests"},"errors":[{"message":"too many requests"}]}',
    ),
    FaultKind.SERVER_ERROR: (
        500,
        b'{"error":{"message":"Internal error"},"errors":[{"message":"internal error"}]}',
    ),
    FaultKind.UNAVAILABLE: (503, b'{"error":{"message":"Unavailable"},"errors":[{"message":"unavailable"}]}'),
}
KEY_COLUMNS = {
    "socrata": "permit_number",
    "arcgis": "Permit__",
    "ckan": "PERMIT #",
    "ncei": "EVENT_ID",
    "spc": "Size",
    "nws": "features",
    "swdi": "swdiXmlResponse",
    "accela": "id",
}


class _Watched:
    """Passes messages on and remembers the status."""

    def __init__(self, send: Send) -> None:
        self.send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)


class _Kept:
    """Holds an answer back."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, list[tuple[bytes, bytes]](), b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Returns when the client has left, at the latest after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def _vendor_and_path(scope: Scope) -> tuple[str, str]:
    """(vendor, path below it); an empty vendor for the sandbox's own paths."""
    if scope["type"] != "http":
        return "", ""
    vendor, _, rest = scope["path"].lstrip("/").partition("/")
    return ("", "") if vendor.startswith("_") or not rest else (vendor, f"/{rest}")


def _huge_body() -> bytes:
    """Members of a megabyte each, one behind the other: a valid gzip body that costs next to nothing to make."""
    member = gzip.compress(b" " * (1 << 20), mtime=0)
    return member * (HUGE_BYTES >> 20)


async def _respond(
    send: _Watched,
    status: int,
    body: bytes,
    kind: str,
    retry_after: float | None,
    *more: tuple[bytes, bytes],
) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *more]
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _change(order: FaultOrder, body: bytes, column: str) -> bytes:
    change = ALTERATIONS.get(order.fault)
    return change(body, column) if change else body


def _truncated(body: bytes, _column: str) -> bytes:
    return body[: int(len(body) * CUT_SHARE)]


def _with_renamed_column(body: bytes, column: str) -> bytes:
    """The same rows under another column name, in JSON, CSV or packed CSV."""
    if body[:2] == b"\x1f\x8b":
        return gzip.compress(_with_renamed_column(gzip.decompress(body), column), mtime=0)
    try:
        document = json.loads(body)
    except ValueError:
        head, _, rows = body.partition(b"\n")
        return head.replace(column.encode(), f"{column}_v2".encode()) + b"\n" + rows
    return json.dumps(_renamed(document, column)).encode()


def _renamed(node: Any, column: str) -> Any:
    if isinstance(node, list):
        return [_renamed(item, column) for item in node]
    if not isinstance(node, dict):
        return node
    return {(f"{key}_v2" if key == column else key): _renamed(value, column) for key, value in node.items()}


def _emptied(body: bytes, _column: str) -> bytes:
    """No rows in the same envelope."""
    if body[:2] == b"\x1f\x8b":
        return gzip.compress(_emptied(gzip.decompress(body), ""), mtime=0)
    try:
        document = json.loads(body)
    except ValueError:
        return body.partition(b"\n")[0] + b"\n"
    return json.dumps(_without_rows(document)).encode()


def _without_rows(node: Any) -> Any:
    if isinstance(node, list):
        return []
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key != "exceededTransferLimit"}
    return {
        key: [] if key in ("features", "@graph", "addressMatches", "data", "records") else value
        for key, value in kept.items()
    }


def _invented(body: bytes, column: str) -> bytes:
    """A model's rows with values that it made up, in one column or in all."""
    answer, rows = _model_rows(body)
    for row in rows:
        row |= {name: f"Invented {name} 98765" for name in row if column in ("", name)}
    return _with_rows(answer, rows)


def _obeyed(body: bytes, _column: str) -> bytes:
    """A model's rows with what a page told it to add."""
    answer, rows = _model_rows(body)
    return _with_rows(answer, [{**row, "score": 100, "email_to": "thief@example.test"} for row in rows])


def _model_rows(body: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    answer = json.loads(body)
    return answer, json.loads(answer["message"]["content"])["rows"] if "message" in answer else []


def _with_rows(answer: dict[str, Any], rows: list[dict[str, Any]]) -> bytes:
    if "message" in answer:
        answer["message"]["content"] = json.dumps({"rows": rows})
    return json.dumps(answer).encode()


ALTERATIONS: dict[FaultKind, Callable[[bytes, str], bytes]] = {
    FaultKind.TRUNCATE: _truncated,
    FaultKind.RENAME_COLUMN: _with_renamed_column,
    FaultKind.EMPTY: _emptied,
    FaultKind.INVENT: _invented,
    FaultKind.OBEY: _obeyed,
}
