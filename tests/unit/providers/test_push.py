"""An endpoint comes from a browser, that is from anybody: where nothing is ever sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest

from shared.errors import ProviderRejected
from shared.http.ssrf import AddressGuard, GuardedTransport
from shared.providers import push
from shared.providers.settings import ProviderSettings
from shared.schemas.push import PushMessage, PushTarget
from shared.security.web_push import Vapid, fresh_vapid_key
from tests.unit.providers.world import World

MESSAGE = PushMessage("Title", "Words", "/my/notices", "topic", ttl=60)
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
INSIDE = {"inside.example": "10.0.0.7", "cloud.example": "169.254.169.254", "here.example": "127.0.0.1"}


async def resolve(host: str, port: int) -> Sequence[str]:
    return (INSIDE.get(host, host),)


def sender(world: World, sandbox_url: str = "") -> push.PushSender:
    vapid = Vapid.load(fresh_vapid_key(), setting="X")
    assert vapid is not None
    trusted = (sandbox_url,) if sandbox_url else ()
    guarded = httpx.AsyncClient(transport=GuardedTransport(AddressGuard(trusted, resolver=resolve)))
    settings = ProviderSettings(sandbox_url=sandbox_url)
    return push.build(settings, replace(world.deps, guarded_http=guarded), vapid)


@pytest.mark.parametrize("sandbox_url", ["", "http://127.0.0.1:8011"])
@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "not a url",
        "//push.example/x",
        "http://push.example/x",
        "http://127.0.0.1:8000/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.0.0.7/x",
        "https://[::ffff:10.0.0.7]/x",
        "https://inside.example/x",
        "https://cloud.example/latest/meta-data",
        "https://here.example/x",
        "https://push.example:8443/x",
        "https://push.example:80800/x",
        "https://user:word@push.example/x",
        "https://127.0.0.1:8011/x",
        "http://127.0.0.1:8011@push.example/x",
        "ftp://push.example/x",
        "file:///etc/passwd",
    ],
)
async def test_nothing_is_sent_to_a_hostile_endpoint(world: World, endpoint: str, sandbox_url: str) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await sender(world, sandbox_url).send(PushTarget(endpoint, P256DH, AUTH), MESSAGE)
    assert refused.value.fields["reason"] == "address"
    assert world.requests == []


@pytest.mark.parametrize("sandbox_url", ["", "http://127.0.0.1:8011"])
@pytest.mark.parametrize(
    "endpoint", ["http://push.example/x", "http://127.0.0.1:8012/x", "http://127.0.0.1/x"]
)
async def test_without_encryption_not_even_the_name_is_asked(
    world: World, endpoint: str, sandbox_url: str
) -> None:
    with pytest.raises(ProviderRejected, match="only https is allowed"):
        await sender(world, sandbox_url).send(PushTarget(endpoint, P256DH, AUTH), MESSAGE)


async def test_the_address_of_a_subscription_stands_in_no_cost_row(world: World) -> None:
    with pytest.raises(ProviderRejected):
        await sender(world).send(PushTarget("https://10.0.0.7/secret-path", P256DH, AUTH), MESSAGE)
    assert "secret-path" not in repr(world.usage.rows)
