"""Which addresses may be fetched (FAULTS 20)."""

from __future__ import annotations

from collections.abc import Sequence

import httpcore
import httpx
import pytest

from shared.http.ssrf import (
    CONFIGURED_EXTENSION,
    AddressGuard,
    AddressRefused,
    GuardedTransport,
    Origin,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "168.63.129.16", "192.88.99.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "feff::1",
        "ff02::1", "ff0e::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe",
        "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:a00:1::1", "2002:808:808::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:7f00:1::1",
        "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a9fe:a9fe",
        "", "localhost", "1.2.3", "0x7f.1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "2606:4700::6810:84e5",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_what_is_public_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "unix:///run/docker.sock", "data:,x",
        "http://example.com:22/", "http://example.com:6379/", "https://example.com:5432/", "http://example.com:8080/",
        "http://user:pass@example.com/", "http://user@example.com/", "http:///nohost",
    ],
)  # fmt: skip
def test_urls_of_another_kind_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check_url(httpx.URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://example.com/a?b=c",
        "http://example.com:443/",
        "https://example.com:80/",
    ],
)
def test_ordinary_urls_pass(url: str) -> None:
    AddressGuard().check_url(httpx.URL(url))


def resolver_of(*addresses: str) -> object:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def test_one_bad_answer_refuses_the_host() -> None:
    guard = AddressGuard(resolver=resolver_of("93.184.216.34", "10.0.0.1"))  # type: ignore[arg-type]
    with pytest.raises(AddressRefused):
        await guard.public_addresses("mixed.test", 80)


async def test_a_name_without_address_is_no_connection() -> None:
    guard = AddressGuard(resolver=resolver_of())  # type: ignore[arg-type]
    with pytest.raises(httpcore.ConnectError):
        await guard.public_addresses("nowhere.test", 80)


@pytest.mark.parametrize(
    ("origin", "url", "same"),
    [
        ("http://127.0.0.1:8011", "http://127.0.0.1:8011/socrata", True),
        ("http://127.0.0.1:8011", "http://127.0.0.1:8012/", False),
        ("http://127.0.0.1:8011", "https://127.0.0.1:8011/", False),
        ("http://127.0.0.1:8011", "http://localhost:8011/", False),
        ("http://127.0.0.1:8011", "http://127.0.0.1.:8011/", True),
        ("https://data.test", "https://DATA.test:443/x", True),
    ],
)
def test_an_origin_is_scheme_host_and_port_exactly(origin: str, url: str, *, same: bool) -> None:
    assert (Origin.of(origin) == Origin.of(url)) is same


class Recorder(httpx.AsyncBaseTransport):
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(str(request.url))
        return httpx.Response(200)


@pytest.mark.parametrize(
    ("url", "configured", "passes"),
    [
        ("http://127.0.0.1:8011/a", True, True),
        ("http://127.0.0.1:8011/a", False, False),
        ("http://127.0.0.1:8012/a", True, False),
    ],
)
async def test_trust_holds_for_configured_first_hops_only(
    url: str, *, configured: bool, passes: bool
) -> None:
    recorder = Recorder()
    transport = GuardedTransport(AddressGuard(["http://127.0.0.1:8011"]), trusted=recorder)
    async with httpx.AsyncClient(transport=transport) as http:
        request = http.build_request("GET", url, extensions={CONFIGURED_EXTENSION: configured})
        if passes:
            await http.send(request)
        else:
            with pytest.raises(AddressRefused):
                await http.send(request)
    assert bool(recorder.seen) is passes
