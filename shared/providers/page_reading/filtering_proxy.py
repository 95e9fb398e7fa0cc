"""The only way out for a browser of ours: a proxy on loopback that tests and pins every address.

A page, its redirects, its scripts and what they fetch all come through here, so none of them reaches a private address or
a metadata service, whatever a name resolves to the second time it is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Final

import httpcore
import httpx

from shared.http.ssrf import AddressGuard, AddressRefused, Origin

MOST_CONNECTIONS: Final = 200
HEAD_LIMIT: Final = 65_536
PIECE: Final = 65_536
CONNECT_SECONDS: Final = 10.0
BROWSERS_OWN: Final = (
    "accounts.google.com",
    "update.googleapis.com",
    "safebrowsing.googleapis.com",
    "content-autofill.googleapis.com",
    "optimizationguide-pa.googleapis.com",
    "clients2.google.com",
    "clients4.google.com",
    "redirector.gvt1.com",
)
"""What Chromium asks its maker whatever its flags say; no page needs it to show its rows."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_HOP_HEADERS: Final = (b"proxy-connection:", b"connection:", b"keep-alive:", b"proxy-authorization:")


class FilteringProxy:
    """Serves one visit; `home` is the configured page, whose origin alone may be a trusted one."""

    def __init__(self, guard: AddressGuard, *, home: str | None, byte_cap: int) -> None:
        self._guard, self._byte_cap = guard, byte_cap
        url = httpx.URL(home) if home else None
        self._trusted = Origin.of(url) if url is not None and guard.is_trusted(url) else None
        self._doors = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        self.received = self.connections = self.port = 0

    @property
    def overflowed(self) -> bool:
        """True when the page wanted more than a page may hold."""
        return self.received > self._byte_cap or self.connections > MOST_CONNECTIONS

    async def __aenter__(self) -> FilteringProxy:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)
        self._doors.callback(server.close)
        self.port = int(server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._doors.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        self.connections += 1
        try:
            await task
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the browser or the host went away; the page shows what it has
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        target, _, after = rest.partition(b" ")
        try:
            url = _url_of(method, target)
            if url.host in BROWSERS_OWN:
                await _answer(writer, b"403 Forbidden")
                return
            upstream = await self._connect(url)
        except (AddressRefused, httpx.InvalidURL, UnicodeDecodeError) as refused:
            self.refused.append(f"{target.decode('latin-1')[:200]}: {refused}")
            await _answer(writer, b"403 Forbidden")
            return
        except (OSError, httpcore.ConnectError, httpcore.ConnectTimeout, TimeoutError):
            await _answer(writer, b"502 Bad Gateway")
            return
        up_reader, up_writer = upstream
        try:
            if method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                sending = _pump(reader, up_writer)
            else:
                up_writer.write(_origin_form(method, url, after))
                sending = _send_one(reader, up_writer, _body_length(after))
            await self._relay(writer, up_reader, sending)
        finally:
            up_writer.close()

    async def _connect(self, url: httpx.URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a tested address of the host."""
        if self.overflowed:
            raise AddressRefused("the page asks for too much", reason="size")
        origin = Origin.of(url)
        if self._trusted is not None and origin == self._trusted:
            addresses: Sequence[str] = (origin.host,)
        else:
            self._guard.check_url(url)
            addresses = await self._guard.public_addresses(origin.host, origin.port)
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(address, origin.port)
            except (OSError, TimeoutError) as error:
                failure = error
        raise failure

    async def _relay(
        self, writer: asyncio.StreamWriter, up_reader: asyncio.StreamReader, send: Coroutine[Any, Any, None]
    ) -> None:
        sending = asyncio.create_task(send)
        try:
            while piece := await up_reader.read(PIECE):
                self.received += len(piece)
                if self.overflowed:
                    return
                writer.write(piece)
                await writer.drain()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()


async def _send_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int) -> None:
    """The body of one request. What comes behind it may be for any host: it ends the connection, and is asked anew."""
    with suppress(OSError):
        while length > 0 and (piece := await reader.read(min(length, PIECE))):
            length -= len(piece)
            writer.write(piece)
            await writer.drain()
        if await reader.read(1):
            writer.close()


def _body_length(after: bytes) -> int:
    """How many bytes follow a request's head; none where it does not say so."""
    found = _LENGTH.search(after)
    return int(found[1]) if found else 0


async def _answer(writer: asyncio.StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


def _url_of(method: bytes, target: bytes) -> httpx.URL:
    """What is asked for; a tunnel is taken for TLS, but to port 80."""
    if method != b"CONNECT":
        return httpx.URL(target.decode("ascii"))
    authority = target.decode("ascii")
    return httpx.URL(f"{'http' if authority.endswith(':80') else 'https'}://{authority}/")


def _origin_form(method: bytes, url: httpx.URL, after: bytes) -> bytes:
    """The request as a server wants it, for one answer: the next request comes over a connection of its own."""
    version, _, headers = after.partition(b"\r\n")
    lines = [line for line in headers.split(b"\r\n") if line and not line.lower().startswith(_HOP_HEADERS)]
    return b"\r\n".join(
        [method + b" " + url.raw_path + b" " + version, *lines, b"Connection: close", b"", b""]
    )
