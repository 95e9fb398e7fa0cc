"""FAULTS 20 over real sockets: listeners on loopback that must see nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from shared.errors import ProviderError
from shared.http.client import FetchSource, GuardedFetcher
from shared.http.ssrf import AddressGuard, AddressRefused, GuardedTransport
from tests.factories.fetching import decide_fetch

pytestmark = pytest.mark.fault(20)

SOURCE = FetchSource("county", tos="allowed", enabled=True, requests_per_second=1000, concurrency=10)


@dataclass
class Listener:
    """A real HTTP server that remembers who came."""

    port: int = 0
    connections: int = 0
    paths: list[str] = field(default_factory=list)
    location: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.paths.append(path)
        if path == "/robots.txt":
            answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        elif path == "/redirect":
            answer = f"HTTP/1.1 302 Found\r\nLocation: {self.location}\r\nContent-Length: 0\r\n\r\n".encode()
        else:
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret"
        writer.write(answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(host: str = "127.0.0.1") -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.handle, host, 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


@pytest_asyncio.fixture
async def trusted() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


@pytest_asyncio.fixture
async def victim() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


class FlippingResolver:
    """Answers with a public address first and with loopback from then on (DNS rebinding)."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


@asynccontextmanager
async def fetching(guard: AddressGuard) -> AsyncIterator[GuardedFetcher]:
    async with httpx.AsyncClient(transport=GuardedTransport(guard), trust_env=False, timeout=2) as http:
        yield GuardedFetcher(http, decide_fetch, user_agent="Ridgeline/0.1", timeout_seconds=2)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_loopback_in_every_notation_sees_nobody(victim: Listener, trusted: Listener, host: str) -> None:
    guard = AddressGuard([f"http://127.0.0.1:{trusted.port}"])
    async with fetching(guard) as fetcher:
        for url in (f"http://{host}:{victim.port}/", f"http://{host}/"):
            with pytest.raises((AddressRefused, ProviderError)):
                await fetcher.fetch(url, SOURCE, configured=True)
    assert victim.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[::ffff:169.254.169.254]/",
        "http://user:pw@93.184.216.34/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://93.184.216.34:22/",
        "http://93.184.216.34:6379/",
        "http://93.184.216.34:5432/",
    ],
)
async def test_addresses_schemes_and_ports_are_refused_before_anything_leaves(url: str) -> None:
    async with fetching(AddressGuard()) as fetcher:
        with pytest.raises(AddressRefused):
            await fetcher.fetch(url, SOURCE)


async def test_the_trusted_origin_answers_a_configured_source(trusted: Listener) -> None:
    async with fetching(AddressGuard([f"http://127.0.0.1:{trusted.port}"])) as fetcher:
        page = await fetcher.fetch(f"http://127.0.0.1:{trusted.port}/page", SOURCE, configured=True)
    assert page.body == b"secret"


async def test_a_url_from_data_may_not_use_the_trust(trusted: Listener) -> None:
    async with fetching(AddressGuard([f"http://127.0.0.1:{trusted.port}"])) as fetcher:
        with pytest.raises(AddressRefused):
            await fetcher.fetch(f"http://127.0.0.1:{trusted.port}/page", SOURCE)
    assert trusted.connections == 0


@pytest.mark.parametrize("target", ["http://127.0.0.1:{victim}/", "http://localhost:{victim}/", "/again"])
async def test_a_redirect_never_uses_the_trust(trusted: Listener, victim: Listener, target: str) -> None:
    trusted.location = target.format(victim=victim.port)
    async with fetching(AddressGuard([f"http://127.0.0.1:{trusted.port}"])) as fetcher:
        with pytest.raises((AddressRefused, ProviderError)):
            await fetcher.fetch(f"http://127.0.0.1:{trusted.port}/redirect", SOURCE, configured=True)
    assert victim.connections == 0
    assert "/again" not in trusted.paths


async def test_a_name_of_a_private_address_is_refused() -> None:
    resolver = FlippingResolver("10.1.2.3")
    async with fetching(AddressGuard(resolver=resolver)) as fetcher:
        with pytest.raises(AddressRefused):
            await fetcher.fetch("http://innocent.test/", SOURCE)


async def test_rebinding_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was tested is the one dialled; a second answer is never asked for that connection."""
    dialled: list[str] = []

    async def connect(self: object, host: str, *args: object, **kwargs: object) -> object:
        dialled.append(host)
        raise OSError("no network in tests")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    resolver = FlippingResolver("93.184.216.34", "127.0.0.1")
    guard = AddressGuard(resolver=resolver)
    async with httpx.AsyncClient(transport=GuardedTransport(guard), trust_env=False) as http:
        with pytest.raises(OSError, match="no network"):
            await http.get("http://rebind.test/")
        assert dialled == ["93.184.216.34"]
        assert resolver.asked == 1
        with pytest.raises(AddressRefused):
            await http.get("http://rebind.test/")
    assert dialled == ["93.184.216.34"]


async def test_no_proxy_of_the_environment_is_used(victim: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{victim.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{victim.port}")
    async with fetching(AddressGuard(resolver=FlippingResolver("10.0.0.1"))) as fetcher:
        with pytest.raises(AddressRefused):
            await fetcher.fetch("http://innocent.test/", SOURCE)
    assert victim.connections == 0
