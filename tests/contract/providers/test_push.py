"""Web push against the sandbox's push service, whose browsers decrypt what they get."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import ProviderError, ProviderRateLimited, ProviderRejected, ProviderUnavailable
from shared.providers import push
from shared.providers.push import PushSender
from shared.schemas.push import PushMessage, PushTarget
from shared.security.web_push import RECORD_BYTES, Vapid, fresh_vapid_key

MESSAGE = PushMessage("A plan is free for you", "It waits two days.", "/my/billing", "a" * 32, ttl=600)


def fresh_vapid() -> Vapid:
    found = Vapid.load(fresh_vapid_key(), setting="X")
    assert found is not None
    return found


@pytest.fixture
def vapid() -> Vapid:
    return fresh_vapid()


@pytest.fixture
def sender(world: Any, settings: Any, vapid: Vapid) -> PushSender:
    return push.build(settings, world.deps, vapid)


async def subscribe(control: Any, vapid: Vapid) -> tuple[str, PushTarget]:
    """A browser's subscription for this application, and its name in the sandbox."""
    made = (
        await control.post("/_sandbox/webpush/subscriptions", json={"application_server_key": vapid.public})
    ).json()
    return made["id"], PushTarget(made["endpoint"], **made["keys"])


async def arrived(control: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await control.get("/_sandbox/webpush/messages")).json()["messages"]
    return found


async def test_a_browser_reads_what_was_sent(sender: PushSender, control: Any, vapid: Vapid) -> None:
    name, target = await subscribe(control, vapid)
    assert not (await sender.send(target, MESSAGE)).gone
    (got,) = await arrived(control)
    assert got["subscription"] == name
    assert got["plain"] == {
        "title": "A plan is free for you",
        "words": "It waits two days.",
        "link": "/my/billing",
        "tag": "a" * 32,
    }
    assert (got["ttl"], got["urgency"], got["topic"]) == ("600", "normal", "a" * 32)


@pytest.mark.parametrize("letter", ["x", "\U0001d518", "\x01"])
async def test_the_longest_words_are_cut_and_fit(
    sender: PushSender, control: Any, vapid: Vapid, letter: str
) -> None:
    _, target = await subscribe(control, vapid)
    await sender.send(target, PushMessage(letter * 5000, letter * 5000, "/my/notices", "t", ttl=1))
    (got,) = await arrived(control)
    assert got["bytes"] <= RECORD_BYTES
    assert got["plain"]["words"] == letter * 399 + "…"


async def test_a_subscription_that_ended_is_gone(sender: PushSender, control: Any, vapid: Vapid) -> None:
    name, target = await subscribe(control, vapid)
    await control.delete(f"/_sandbox/webpush/subscriptions/{name}")
    assert (await sender.send(target, MESSAGE)).gone
    unknown = PushTarget(target.endpoint.replace(name, "0" * 32), target.p256dh, target.auth)
    assert (await sender.send(unknown, MESSAGE)).gone
    assert await arrived(control) == []


async def test_what_another_application_subscribed_to_is_refused(sender: PushSender, control: Any) -> None:
    _, target = await subscribe(control, fresh_vapid())
    with pytest.raises(ProviderRejected):
        await sender.send(target, MESSAGE)
    assert await arrived(control) == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [("429", ProviderRateLimited), ("500", ProviderUnavailable), ("503", ProviderUnavailable)],
)
async def test_an_answer_that_is_no_promise_may_be_sent_again_later(  # noqa: PLR0917 - fixtures and cases
    sender: PushSender, control: Any, vapid: Vapid, fault: Any, kind: str, error: type[ProviderError]
) -> None:
    _, target = await subscribe(control, vapid)
    await fault("webpush", kind, match="/send")
    with pytest.raises(error) as failed:
        await sender.send(target, MESSAGE)
    assert failed.value.did_nothing()
    assert await arrived(control) == []


async def test_a_line_that_broke_leaves_it_open_whether_the_message_arrived(
    sender: PushSender, control: Any, vapid: Vapid, fault: Any
) -> None:
    _, target = await subscribe(control, vapid)
    await fault("webpush", "drop", match="/send")
    with pytest.raises(ProviderUnavailable) as failed:
        await sender.send(target, MESSAGE)
    assert not failed.value.did_nothing()


async def test_a_redirect_is_not_followed(
    sender: PushSender, control: Any, vapid: Vapid, fault: Any, world: Any
) -> None:
    _, target = await subscribe(control, vapid)
    await fault("webpush", "redirect", match="/send")
    with pytest.raises(ProviderRejected):
        await sender.send(target, MESSAGE)
    assert {sent.url.host for sent in world.requests} == {"sandbox.test"}
