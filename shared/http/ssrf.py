"""The address guard: which URLs may be fetched, and a transport that connects only to tested addresses.

A name is resolved once, every address behind it is tested, and the connection goes to the tested address
itself, so a second answer of the resolver (rebinding) is never asked for. Every redirect is a new request
and passes the same gate.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import httpcore
import httpx

from shared.errors import PolicyViolation
from shared.http.tls import known_authorities

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

CONFIGURED_EXTENSION = "ridgeline_configured_first_hop"
"""Request extension: the URL is the first hop of a configured source, so trusted origins may match it."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_CHARACTERS = re.compile(r"^[a-z0-9._:-]+$")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED_NETWORKS = (
    ipaddress.IPv4Network("168.63.129.16/32"),  # Azure's host agent answers on a public address
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays: wherever the relay likes
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 for local use: the embedded address has no fixed place
    ipaddress.IPv6Network("2002::/16"),  # 6to4, withdrawn (RFC 7526); Python releases differ on it
    ipaddress.IPv6Network(
        "fec0::/10"
    ),  # site-local, withdrawn (RFC 3879) and still routed inside; Python calls it global
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, long withdrawn, still routed by some kernels
)
_ISATAP_MARKERS = (0x00005EFE, 0x02005EFE)


class AddressRefused(PolicyViolation):
    """The URL points where a fetch may not go; nothing was sent."""

    code: ClassVar[str] = "address-refused"
    title: ClassVar[str] = "Address refused"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, compared exactly."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL | str) -> Origin:
        """The origin of a URL, with the scheme's default port filled in."""
        parsed = httpx.URL(url)
        port = parsed.port or _DEFAULT_PORTS.get(parsed.scheme, 0)
        return cls(parsed.scheme, parsed.host.rstrip("."), port)


def embedded_addresses(address: IPAddress) -> tuple[IPAddress, ...]:
    """The address and every IPv4 address wrapped in it (mapped, NAT64, Teredo, ISATAP)."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    found: list[IPAddress] = []
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.teredo:
        found.extend(address.teredo)
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_MARKERS:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return (address, *found)


def is_public(text: str) -> bool:
    """True when the address, and each one wrapped in it, is plain public unicast."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        return False
    return all(_is_public_unicast(inner) for inner in embedded_addresses(address))


def _is_public_unicast(address: IPAddress) -> bool:
    if any(address.version == network.version and address in network for network in _REFUSED_NETWORKS):
        return False
    # is_global alone calls multicast global (FAULTS section 3), and Teredo's own prefix is not global:
    # that refuses every Teredo address, which is the stricter reading.
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_loopback or address.is_unspecified
    )


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address the system's resolver knows for a name."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


class AddressGuard:
    """Decides where a request may go; trusted origins hold for configured first hops only."""

    def __init__(
        self,
        trusted_origins: Iterable[str] = (),
        *,
        resolver: Resolver = resolve,
        timeout_seconds: float = 5.0,
    ) -> None:
        self._trusted = frozenset(Origin.of(origin) for origin in trusted_origins)
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds

    def is_trusted(self, url: httpx.URL) -> bool:
        """True when scheme, host and port equal a trusted origin."""
        return Origin.of(url) in self._trusted

    def check_url(self, url: httpx.URL) -> None:
        """Refuse anything but plain http(s) on ports 80 and 443 with an ordinary host name."""
        origin = Origin.of(url)
        if url.scheme not in _DEFAULT_PORTS:
            raise AddressRefused("only http and https are fetched", reason="scheme")
        if origin.port not in _DEFAULT_PORTS.values():
            raise AddressRefused("only ports 80 and 443 are fetched", reason="port")
        if url.userinfo:
            raise AddressRefused("a URL with a user name is not fetched", reason="userinfo")
        if not origin.host or not _HOST_CHARACTERS.match(url.raw_host.decode("ascii", "replace").lower()):
            raise AddressRefused("the host is not a plain name or address", reason="host")

    async def public_addresses(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, all of them tested; one bad answer refuses the host."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                addresses = await self._resolver(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the resolver did not answer") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        if not addresses:
            raise httpcore.ConnectError("the name does not resolve")
        if not all(is_public(address) for address in addresses):
            raise AddressRefused("the host has an address that is not public", reason="address")
        return addresses


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to tested addresses only; the name itself is never dialled."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in await self._guard.public_addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _PinnedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool whose backend pins tested addresses."""

    def __init__(self, guard: AddressGuard) -> None:
        super().__init__(verify=known_authorities(), trust_env=False)
        # httpx offers no parameter for the network backend; its other choice, rewriting the host to an
        # address, would let two names share one pooled TLS connection verified for only one of them.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=known_authorities(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=_PinnedBackend(guard),
        )


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends a request only where the guard allows; the one way to a URL that somebody else wrote."""

    def __init__(self, guard: AddressGuard, *, trusted: httpx.AsyncBaseTransport | None = None) -> None:
        self._guard = guard
        self._pinned = _PinnedTransport(guard)
        # Trusted origins have a pool of their own: a connection opened for one is out of reach of others.
        self._trusted = trusted or httpx.AsyncHTTPTransport(verify=known_authorities(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer through the trusted pool or the pinned one; raise AddressRefused before anything leaves."""
        if request.extensions.get(CONFIGURED_EXTENSION) is True and self._guard.is_trusted(request.url):
            return await self._trusted.handle_async_request(request)
        self._guard.check_url(request.url)
        return await self._pinned.handle_async_request(request)

    async def aclose(self) -> None:
        """Close both pools."""
        await self._pinned.aclose()
        await self._trusted.aclose()
