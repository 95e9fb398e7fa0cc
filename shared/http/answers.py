"""Reading an answer from outside: byte caps (compressed bodies too), waits asked for, failures as ours."""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import BinaryIO

import httpx

from shared.db.unit_of_work import in_transaction
from shared.errors import ProviderBadAnswer, ProviderTimeout, ProviderUnavailable

_LONGEST_WAIT_SECONDS = 24 * 3600.0
_EPOCH_SECONDS = 1e9
_EPOCH_MILLISECONDS = 1e12
_GZIP_OR_ZLIB = 47
HEAD_BYTES = 65_536


def refuse_inside_transaction() -> None:
    """Raise when the current task holds an open transaction: a slow vendor must never hold our locks."""
    if in_transaction():
        raise RuntimeError("a network call inside a database transaction")


class _Plain:
    """A body sent as it is."""

    def feed(self, piece: bytes, allowed: int) -> bytes:
        """At most `allowed` bytes of the piece."""
        return piece[:allowed]

    def complete(self) -> bool:
        """True: the length of the transfer is the transport's business."""
        return True


class _Inflater:
    """Decompresses piece by piece and never holds more than it was allowed to produce."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def feed(self, piece: bytes, allowed: int) -> bytes:
        """At most `allowed` bytes of what this piece expands to."""
        out = bytearray()
        while piece and len(out) < allowed:
            self._begun = True
            out += self._stream.decompress(piece, allowed - len(out))
            piece = self._stream.unconsumed_tail or self._stream.unused_data
            if self._stream.eof:
                self._stream, self._begun = zlib.decompressobj(_GZIP_OR_ZLIB), False
        return bytes(out)

    def complete(self) -> bool:
        """False where the packed body ends before its own end: a proxy cut it and closed politely."""
        return not self._begun


def _decoder(response: httpx.Response, provider: str) -> _Plain | _Inflater:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return _Plain()
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise ProviderBadAnswer("an encoding we did not ask for", provider=provider, encoding=encoding[:40])


async def read_capped(response: httpx.Response, cap: int, *, provider: str) -> bytes:
    """The whole decoded body; ProviderBadAnswer as soon as it passes the cap."""
    body = await read_prefix(response, cap + 1, provider=provider)
    if len(body) > cap:
        raise _over(cap, provider)
    return body


async def read_prefix(response: httpx.Response, limit: int, *, provider: str) -> bytes:
    """The first `limit` bytes of the decoded body; the rest is not read."""
    body = bytearray()
    async for piece in _pieces(response, limit, provider=provider):
        body += piece
    return bytes(body)


async def save_capped(response: httpx.Response, into: BinaryIO, cap: int, *, provider: str) -> bytes:
    """Write the decoded body to a file piece by piece and return its head; ProviderBadAnswer past the cap."""
    into.seek(0)
    into.truncate()
    head, size = bytearray(), 0
    async for piece in _pieces(response, cap + 1, provider=provider):
        size += len(piece)
        head += piece[: HEAD_BYTES - len(head)]
        into.write(piece)
    if size > cap:
        raise _over(cap, provider)
    into.flush()
    return bytes(head)


async def _pieces(response: httpx.Response, limit: int, *, provider: str) -> AsyncIterator[bytes]:
    """The decoded body in pieces, `limit` bytes at the most."""
    if response.is_stream_consumed:  # an in-process transport hands over a finished answer
        yield response.content[:limit]
        return
    decoder, size = _decoder(response, provider), 0
    try:
        async for raw in response.aiter_raw():
            piece = decoder.feed(raw, limit - size)
            size += len(piece)
            yield piece
            if size >= limit:
                return
    except zlib.error as error:
        raise ProviderBadAnswer("the body does not decompress", provider=provider) from error
    if not decoder.complete():
        raise ProviderBadAnswer("the packed body is cut off", provider=provider)


def _over(cap: int, provider: str) -> ProviderBadAnswer:
    return ProviderBadAnswer(
        f"the answer is over {cap} bytes", provider=provider, cap=cap, reason="too_large"
    )


@contextmanager
def vendor_failures(provider: str) -> Iterator[None]:
    """Turn transport failures into ours; `may_have_acted` says whether the request can have arrived."""
    try:
        yield
    except (httpx.ConnectError, httpx.PoolTimeout) as error:
        told = f"no connection{_with_host(' to', error)}"
        raise ProviderUnavailable(told, provider=provider, may_have_acted=False) from error
    except httpx.ConnectTimeout as error:
        told = f"no connection{_with_host(' to', error)} in time"
        raise ProviderTimeout(told, provider=provider, may_have_acted=False) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        told = f"no answer{_with_host(' from', error)} in time"
        raise ProviderTimeout(told, provider=provider, may_have_acted=True) from error
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        told = f"the connection{_with_host(' to', error)} broke"
        raise ProviderUnavailable(told, provider=provider, may_have_acted=True) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderBadAnswer("not an HTTP exchange", provider=provider) from error


def _with_host(word: str, error: Exception) -> str:
    """Who was asked, behind the word; nothing where the failure does not say."""
    try:
        return f"{word} {error.request.url.host}" if isinstance(error, httpx.RequestError) else ""
    except RuntimeError:  # httpx has it where a failure was raised without its request
        return ""


def retry_after_seconds(headers: Mapping[str, str], *, now: Callable[[], float] = time.time) -> float | None:
    """The wait the vendor asks for, in seconds; None where it asks for none.

    Reads Retry-After-Ms, Retry-After (seconds, epoch seconds, epoch milliseconds, HTTP date) and, when
    nothing remains of the allowance, the X-RateLimit-Reset or RateLimit-Reset header.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _clamped(milliseconds / 1000)
    text = headers.get("retry-after")
    if text is not None:
        return moment_seconds(text, now=now)
    if _number(headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")) == 0:
        reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset")
        return moment_seconds(reset, now=now) if reset else None
    return None


def moment_seconds(text: str, *, now: Callable[[], float] = time.time) -> float | None:
    """Seconds from now until a moment written as a delta, epoch seconds, epoch milliseconds or HTTP date."""
    value = _number(text)
    if value is None:
        try:
            return _clamped(parsedate_to_datetime(text).timestamp() - now())
        except (TypeError, ValueError):
            return None
    if value >= _EPOCH_MILLISECONDS:
        return _clamped(value / 1000 - now())
    return _clamped(value - now() if value >= _EPOCH_SECONDS else value)


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and value >= 0 and value != float("inf") else None
