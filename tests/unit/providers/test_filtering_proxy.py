"""The browser's way out: tested addresses only, one origin of ours at most, and no more bytes than a page may have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from shared.http.ssrf import AddressGuard
from shared.providers.page_reading.filtering_proxy import FilteringProxy


class Origin:
    """A server on loopback that keeps what it was sent and answers `size` bytes."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.size = 2

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * self.size)
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[tuple[Origin, str]]:
    made = Origin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


async def through(proxy: FilteringProxy, head: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


class Rebinding:
    """A name that is public when it is first asked for and ours from then on."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return ("93.184.216.34",) if len(self.asked) == 1 else ("127.0.0.1",)


async def test_the_configured_page_is_reached_by_its_own_path(origin: tuple[Origin, str]) -> None:
    made, url = origin
    async with FilteringProxy(AddressGuard([url]), home=f"{url}/a", byte_cap=1_000) as proxy:
        answer = await through(proxy, f"GET {url}/a?b=1 HTTP/1.1\nHost: x\nProxy-Connection: keep-alive")
    assert answer.endswith(b"xx")
    assert made.heads == [b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]


@pytest.mark.parametrize("home", [None, "https://town.test/permits"])
async def test_what_is_trusted_for_one_source_is_not_for_another(
    origin: tuple[Origin, str], home: str | None
) -> None:
    made, url = origin
    async with FilteringProxy(AddressGuard([url]), home=home, byte_cap=1_000) as proxy:
        assert (await through(proxy, f"GET {url}/ HTTP/1.1")).startswith(b"HTTP/1.1 403")
    assert made.heads == []


@pytest.mark.parametrize(
    "asked",
    [
        "CONNECT 127.0.0.1:443 HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT 2130706433:443 HTTP/1.1",
        "CONNECT 93.184.216.34:22 HTTP/1.1",
        "GET http://169.254.169.254/latest HTTP/1.1",
        "GET http://user@93.184.216.34/ HTTP/1.1",
        "GET ftp://93.184.216.34/ HTTP/1.1",
        "GET /relative HTTP/1.1",
    ],
)
async def test_everything_else_of_ours_is_refused_and_told(asked: str) -> None:
    async with FilteringProxy(AddressGuard(), home=None, byte_cap=1_000) as proxy:
        assert (await through(proxy, asked)).startswith(b"HTTP/1.1 403")
        assert len(proxy.refused) == 1


async def test_the_browsers_own_errands_are_refused_without_a_word() -> None:
    async with FilteringProxy(AddressGuard(), home=None, byte_cap=1_000) as proxy:
        assert (await through(proxy, "CONNECT accounts.google.com:443 HTTP/1.1")).startswith(b"HTTP/1.1 403")
        assert proxy.refused == []


async def test_a_name_that_has_moved_is_tested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names, dialled = Rebinding(), []

    async def refuse(host: str, port: int) -> None:
        dialled.append((host, port))
        raise OSError

    async with FilteringProxy(AddressGuard(resolver=names), home=None, byte_cap=1_000) as proxy:
        opened = asyncio.open_connection
        reader, writer = await opened("127.0.0.1", proxy.port)
        monkeypatch.setattr("asyncio.open_connection", refuse)
        writer.write(b"CONNECT moving.test:443 HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 502")
        writer.close()
        monkeypatch.setattr("asyncio.open_connection", opened)
        assert (await through(proxy, "CONNECT moving.test:443 HTTP/1.1")).startswith(b"HTTP/1.1 403")
    assert dialled == [("93.184.216.34", 443)], "the tested address itself, never the name"


async def test_a_page_gets_no_more_than_its_bytes(origin: tuple[Origin, str]) -> None:
    made, url = origin
    made.size = 5_000_000
    async with FilteringProxy(AddressGuard([url]), home=url, byte_cap=100_000) as proxy:
        assert len(await through(proxy, f"GET {url}/ HTTP/1.1")) < 1_000_000
        assert proxy.overflowed
        assert (await through(proxy, f"GET {url}/ HTTP/1.1")).startswith(b"HTTP/1.1 403")


ANSWER = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class KeepingHost:
    """A server that keeps every connection open, whatever it was asked."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head.partition(b"\r\n")[0])
                if head.startswith(b"POST"):
                    self.bodies.append(await reader.readexactly(5))
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def browsing() -> AsyncIterator[tuple[KeepingHost, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A host, and a connection to the proxy before it."""
    host = KeepingHost()
    server = await asyncio.start_server(host.answer, "127.0.0.1", 0)
    host.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, FilteringProxy(AddressGuard([host.url]), home=host.url, byte_cap=10_000) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            yield host, reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def test_a_second_request_over_a_connection_does_not_reach_the_first_ones_host() -> None:
    async with asyncio.timeout(10), browsing() as (host, reader, writer):
        writer.write(f"GET {host.url}/a HTTP/1.1\r\nHost: it\r\n\r\n".encode())
        assert await reader.readexactly(len(ANSWER)) == ANSWER
        writer.write(b"GET http://county.example/permits HTTP/1.1\r\nHost: county.example\r\n\r\n")
        assert await reader.read() == b""
    assert host.asked == [b"GET /a HTTP/1.1"]


async def test_the_body_of_a_request_goes_with_it() -> None:
    async with asyncio.timeout(10), browsing() as (host, reader, writer):
        writer.write(f"POST {host.url}/a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab".encode())
        await asyncio.sleep(0.05)
        writer.write(b"cde")
        assert await reader.readexactly(len(ANSWER)) == ANSWER
    assert (host.asked, host.bodies) == ([b"POST /a HTTP/1.1"], [b"abcde"])
